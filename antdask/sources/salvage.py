"""Reading around damage: a range piece by piece, sound stretches and lost ones in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from antdask.errors import CorruptFileError

#: Stretches that notes of a file tell of one by one: a plan holds them all, and a dump of 5 GB may have thousands.
MOST_TOLD = 50


def pieces[T](read: Callable[[int, int], T], start: int, stop: int) -> Iterator[tuple[int, int, T | CorruptFileError]]:
    """What `read` gives of ``start:stop``, or the error that says what is lost, each with its range; together they cover all of it.

    ::

        start:stop  |--------xxxx---------|
        read        |------->  fails, names xxxx
        then        |--------|xxxx|------->

    Parameters
    ----------
    read : callable
        Reads a range of entries as a whole, or raises `CorruptFileError`.

    Examples
    --------
    >>> def read(a, b):
    ...     if a < 4 and b > 2:
    ...         raise CorruptFileError("No", start=2, stop=4)
    ...     return list(range(a, b))
    >>> [(a, b, None if isinstance(found, CorruptFileError) else found) for a, b, found in pieces(read, 0, 6)]
    [(0, 2, [0, 1]), (2, 4, None), (4, 6, [4, 5])]
    """
    position, end = start, stop
    while position < stop:
        found: T | CorruptFileError
        try:
            found = read(position, end)
        except CorruptFileError as error:
            found = error
            first = position if error.start is None else error.start
            if position < first < end:
                end = first  # the sound entries before it first
                continue
            # An error that does not say where takes all that was asked for.
            last = end if error.stop is None else error.stop
            end = last if position < last < end else end
        yield position, end, found
        position, end = end, stop


def intact[T](read: Callable[[int, int], T], start: int, stop: int) -> Iterator[T]:
    """What `read` gives of ``start:stop``, or of all before the first loss, and then the error.

    Raises
    ------
    CorruptFileError
        That of `read`.
    """
    try:
        whole = read(start, stop)
    except CorruptFileError as error:
        if error.start is not None and error.start > start:
            yield from intact(read, start, error.start)
        raise
    yield whole


def told(notes: Sequence[str]) -> list[str]:
    """Notes on stretches that are lost: the first of them, and how many more there are; quarantine tells each of them.

    Examples
    --------
    >>> told([f"bytes {n} are none" for n in range(70)])[-2:]
    ['bytes 49 are none', 'and 20 more stretches like these']
    """
    more = len(notes) - MOST_TOLD
    return [*notes[:MOST_TOLD], *([f"and {more} more stretches like these"] if more > 0 else [])]
