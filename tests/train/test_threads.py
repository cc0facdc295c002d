"""The faster number of threads wins, and is questioned when things change."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from openautoglm.train import threads as room
from openautoglm.train.threads import AGAIN, TRIALS, Threads


class Machine:
    """A clock that a step of given length moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def run(self, threads: Threads, steps: int, seconds: Callable[[int], float]) -> list[int]:
        used = []
        for _ in range(steps):
            with threads.step():
                used.append(torch.get_num_threads())
                self.now += seconds(torch.get_num_threads())
        return used


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    machine = Machine()
    monkeypatch.setattr(room.time, "perf_counter", lambda: machine.now)
    yield machine
    torch.set_num_threads(before)


def quiet(threads: int) -> float:
    return 1.0 / threads


def shared(threads: int) -> float:
    return 10.0 if threads == 2 else 1.2


def test_alone_all_threads_stay(machine: Machine) -> None:
    used = machine.run(Threads(active=True), 300, quiet)
    assert sorted(used[: 2 * TRIALS]) == [1] * TRIALS + [2] * TRIALS
    assert set(used[2 * TRIALS :]) == {2}


def test_beside_others_half_do_better_until_they_are_gone(machine: Machine) -> None:
    threads = Threads(active=True)
    machine.run(threads, 20, quiet)
    used = machine.run(threads, 40, shared)
    assert used[-10:] == [1] * 10
    assert used.count(2) <= 20 + 2 * TRIALS
    assert machine.run(threads, AGAIN + 10, quiet)[-1] == 2


def test_it_gives_back_what_it_took(machine: Machine) -> None:
    threads = Threads(active=True)
    machine.run(threads, 10, shared)
    assert torch.get_num_threads() == 1
    threads.restore()
    assert torch.get_num_threads() == 2


def test_by_steps_nothing_is_touched(machine: Machine) -> None:
    assert set(machine.run(Threads(active=False), 100, shared)) == {2}
