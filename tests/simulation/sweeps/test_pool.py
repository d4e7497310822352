"""Worker processes: what dies or never ends is told; nothing is left behind."""

from __future__ import annotations

import multiprocessing

from actorrouter.simulation.sweeps import Job, Pool
from tests.simulation.sweeps.players import mortal, staged, stuck


def todo(count):
    """One job a seed."""
    return [Job(staged(), seed, cut_s=2.0) for seed in range(1, count + 1)]


def test_a_worker_that_dies_is_a_failed_run_with_its_seed():
    """How it died is told; the other runs are played."""
    with Pool(2, mortal) as pool:
        lines = pool.in_order(todo(4))
    assert [line.job.seed for line in lines] == [1, 2, 3, 4]
    assert [line.faults for line in lines] == [(), ("died",), ("died",), ()]
    assert "exit code 7" in lines[1].told[0]
    assert "SIGKILL" in lines[2].told[0]


def test_a_run_that_does_not_end_is_ended_and_told():
    """After so many real seconds."""
    with Pool(1, stuck, run_max_s=0.2) as pool:
        (line,) = pool.in_order(todo(1))
    assert line.faults == ("endless",)


def test_a_worker_that_died_while_idle_is_replaced():
    """Nobody notices."""
    with Pool(1) as pool:
        assert not pool.in_order(todo(1))[0].faults
        pool._workers[0].process.kill()
        pool._workers[0].process.join()
        assert not pool.in_order(todo(1))[0].faults


def test_leaving_early_ends_what_is_under_way():
    """The runs that nobody waits for are killed, and with the pool every worker."""
    with Pool(2, stuck) as pool:
        lines = pool.played(todo(3))
        assert next(lines).job.seed == 2
        lines.close()
        assert all(worker.job is None for worker in pool._workers)
    assert multiprocessing.active_children() == []


def test_jobs_are_taken_only_when_a_worker_is_free():
    """The queue is the generator: at most one job a worker, and one more."""
    taken = []

    def asked():
        for job in todo(5):
            taken.append(job.seed)
            yield job

    with Pool(1) as pool:
        lines = pool.played(asked())
        next(lines)
        assert taken == [1]
        lines.close()
