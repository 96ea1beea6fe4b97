"""An iterator that runs ahead in a thread of its own, by a bounded number of items."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")
#: How often a full queue looks whether its consumer has gone.
_PATIENCE_S = 0.1


class _End:
    """After the last item; `error` is what the iterator raised."""

    def __init__(self, error: BaseException | None = None):
        self.error = error


def run_ahead(items: Iterable[T], depth: int, live: bool = False) -> Iterator[T]:
    """The same items in the same order, made in a thread while the consumer works; at most `depth` wait.

    live: when `depth` items wait, the oldest is dropped instead of the source being kept waiting (a camera goes on).
    What the iterator raises is raised here, after the items before it. When this generator is closed, the thread
    ends and `items` is closed, before `close` returns.
    """
    queue: Queue = Queue(depth)
    stop = Event()
    thread = Thread(target=_work, args=(items, queue, stop, live), daemon=True)
    thread.start()
    try:
        while True:
            item = queue.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stop.set()
        thread.join()


def _work(items: Iterable, queue: Queue, stop: Event, live: bool) -> None:
    try:
        for item in items:
            if live and queue.full():
                _drop(queue)
            _put(queue, item, stop)
            if stop.is_set():
                break
        end = _End()
    except BaseException as e:  # it belongs to the consumer, whatever it is
        end = _End(e)
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()
    _put(queue, end, stop)


def _put(queue: Queue, item: object, stop: Event) -> None:
    while not stop.is_set():
        try:
            return queue.put(item, timeout=_PATIENCE_S)
        except Full:
            continue


def _drop(queue: Queue) -> None:
    with suppress(Empty):  # when the consumer was faster
        queue.get_nowait()
