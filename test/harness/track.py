"""The files by which the guard tells keepalived of a node: health and rank."""


def number(path):
    """None: it is not there, or is being written."""
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (FileNotFoundError, ValueError):
        return None
