"""One file per way in or out; the only room that talks to other parties."""
