"""A thread that works beside the block in which it was entered."""

import threading


class Beside(threading.Thread):
    """Its run() looks at `over`, which is set when the block is left, and then ends soon."""

    PATIENCE = 20.0

    def __init__(self):
        super().__init__(daemon=True)
        self.over = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join(self.PATIENCE)
