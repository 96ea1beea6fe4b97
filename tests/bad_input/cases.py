"""All cases of bad input, in the order of the table in docs/bad_input.md."""

import bad_data
import bad_faces
import bad_long
import bad_outputs
import bad_recordings
import bad_zoo

CASES = [*bad_recordings.CASES, *bad_long.CASES, *bad_faces.CASES, *bad_data.CASES, *bad_zoo.CASES, *bad_outputs.CASES]
