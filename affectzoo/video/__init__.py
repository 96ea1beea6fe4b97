"""Video with voice: the one family that builds on face and speech."""
