"""The best path through pitch candidates: a scan over time, each step over the whole batch at once."""

import torch

#: Cost of a jump by an octave between neighbouring frames, and of a change between voiced and unvoiced. Boersma's.
OCTAVE_JUMP, VOICING_CHANGE = 0.35, 0.14
#: Frames whose transitions are laid out at a time.
CHUNK = 128


def best_path(octaves: torch.Tensor, score: torch.Tensor, unvoiced: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(B, T) the candidate of each frame, -1 where unvoiced, that makes the sum of scores minus costs largest.

    octaves: (B, T, C) pitch of the candidates in octaves; score: (B, T, C), -inf where there is none; unvoiced:
    (B, T) score of being unvoiced. Frames outside `mask` are unvoiced and cost nothing.
    """
    states = torch.cat([score, unvoiced[..., None]], 2)
    states = torch.where(mask[..., None], states, _only_unvoiced(states))
    frames = states.shape[1]
    total, back = states[:, 0], [torch.zeros_like(states[:, 0], dtype=torch.uint8)]
    for begin in range(1, frames, CHUNK):
        end = min(begin + CHUNK, frames)
        costs = _costs(octaves[:, begin - 1 : end])
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
