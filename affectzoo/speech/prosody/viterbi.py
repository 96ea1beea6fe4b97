"""The best path through pitch candidates: a scan over time, each step over the whole batch at once."""

import torch

#: Cost of a jump by an octave between neighbouring frames, and of a change between voiced and unvoiced. Boersma's.
OCTAVE_JUMP, VOICING_CHANGE = 0.35, 0.14
#: Frames whose transitions are laid out at a time.
CHUNK = 128
#: So often the running sums lose what all have in common: a float32 of some thousands hides what the last costs are.
REBASE = 2048
#: A path of more frames than LONGEST is looked for in stretches of ROW frames with CONTEXT more on both sides, many at
#: once: what is chosen 3 s away has no say (tests/speech/test_prosody_long.py), and memory is that of the stretches.
LONGEST, ROW, CONTEXT, ROWS = 60000, 6000, 300, 16


def best_path(octaves: torch.Tensor, score: torch.Tensor, unvoiced: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(B, T) the candidate of each frame, -1 where unvoiced, that makes the sum of scores minus costs largest.

    octaves: (B, T, C) pitch of the candidates in octaves; score: (B, T, C), -inf where there is none; unvoiced:
    (B, T) score of being unvoiced. Frames outside `mask` are unvoiced and cost nothing.
    """
    if octaves.shape[1] > LONGEST:
        return _in_rows(octaves, score, unvoiced, mask)
    return _whole(octaves, score, unvoiced, mask)


def _in_rows(*tracks: torch.Tensor) -> torch.Tensor:
    """The path of long tracks, from stretches that are rows of a batch; the last one ends where the tracks do."""
    b, frames = tracks[0].shape[:2]
    length = ROW + 2 * CONTEXT
    starts = torch.arange(0, frames - 2 * CONTEXT, ROW).clamp(max=frames - length)
    path = torch.empty(b, frames, dtype=torch.long, device=tracks[0].device)
    for group in starts.split(ROWS):
        at = group[:, None] + torch.arange(length)
        found = _whole(*(x[:, at].flatten(0, 1) for x in tracks)).unflatten(0, (b, -1))
        for row, start in enumerate(group.tolist()):  # in order: each corrects the end of the one before
            skip = CONTEXT if start else 0
            path[:, start + skip : start + length] = found[:, row, skip:]
    return path


def _whole(octaves: torch.Tensor, score: torch.Tensor, unvoiced: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    states = torch.cat([score, unvoiced[..., None]], 2)
    states = torch.where(mask[..., None], states, _only_unvoiced(states))
    frames = states.shape[1]
    total, back = states[:, 0], [torch.zeros_like(states[:, 0], dtype=torch.uint8)]
    for begin in range(1, frames, CHUNK):
        end = min(begin + CHUNK, frames)
        costs = _costs(octaves[:, begin - 1 : end])
        if begin % REBASE == 1 and begin > 1:
            total = total - total.amax(1, keepdim=True)
        for cost, here in zip(costs.unbind(1), states[:, begin:end].unbind(1), strict=True):
            total, origin = (total[:, :, None] - cost).max(1)
            total = total + here
            back.append(origin.to(torch.uint8))
    return _trace(total, torch.stack(back, 1))


def _only_unvoiced(states: torch.Tensor) -> torch.Tensor:
    fill = torch.full_like(states[0, 0], -torch.inf)
    fill[-1] = 0
    return fill


def _costs(octaves: torch.Tensor) -> torch.Tensor:
    """(B, F - 1, C + 1, C + 1) cost of going from each state of a frame to each of the next."""
    b, frames, c = octaves.shape
    cost = octaves.new_full((b, frames - 1, c + 1, c + 1), VOICING_CHANGE)
    cost[..., :c, :c] = OCTAVE_JUMP * (octaves[:, :-1, :, None] - octaves[:, 1:, None, :]).abs()
    cost[..., c, c] = 0
    return cost


def _trace(total: torch.Tensor, back: torch.Tensor) -> torch.Tensor:
    """The states from last to first, turned round."""
    unvoiced = total.shape[1] - 1
    state = total.argmax(1, keepdim=True)
    path = [state]
    for origin in back[:, 1:].flip(1).unbind(1):
        state = origin.gather(1, state).long()
        path.append(state)
    found = torch.cat(path, 1).flip(1)
    return torch.where(found == unvoiced, -1, found)
