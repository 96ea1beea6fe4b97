"""Synthetic faces: drawn from action units, so that every label is true by construction."""

from affectzoo.face.drawing import AU_NUMBERS, au_matrix, draw_faces

__all__ = ["AU_NUMBERS", "au_matrix", "draw_faces"]
