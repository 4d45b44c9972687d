"""What a host says and does when another one is not there; test_faulty_network.py has the whole of it."""

import inspect
import threading

import pytest
import tensorflow as tf
from tensorflow.python.distribute import collective_all_reduce_strategy
from tensorflow.python.eager import context

from tfbert.errors import DiskError, TrainingError
from tfbert.files import disk_errors
from tfbert.training import peers
from tfbert.training.strategy import lost_hosts


class Cluster:
    """In the place of TensorFlow's context: the answers of a host in their order, True where it answers."""

    def __init__(self, answers):
        self.answers, self.asked, self.aborted, self.over = list(answers), [], [], threading.Event()

    def check_collective_ops_peer_health(self, name, timeout_in_ms):
        self.asked.append((name, timeout_in_ms))
        if not self.answers:
            self.over.set()
        if self.answers and not self.answers.pop(0):
            raise tf.errors.DeadlineExceededError(None, None, "Deadline Exceeded")

    def abort_collective_ops(self, code, message):
        self.aborted.append((code, message))
        self.over.set()


def watch(monkeypatch, answers):
    cluster, stop = Cluster(answers), threading.Event()
    monkeypatch.setattr(peers.context, "context", lambda: cluster)
    monkeypatch.setattr(peers, "_AGAIN", 0.001)
    names = {"/job:worker/replica:0/task:1": "10.0.0.2:2222"}
    thread = threading.Thread(target=peers._watch, args=(names, stop, 0.001, 10.0))
    thread.start()
    assert cluster.over.wait(30)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    return cluster


def test_a_host_that_does_not_answer_three_times_ends_sums(monkeypatch):
    cluster = watch(monkeypatch, [True, False, False, False, True])
    ((code, message),) = cluster.aborted
    assert code == tf.errors.UNAVAILABLE
    assert message == "the host 10.0.0.2:2222 (job:worker/replica:0/task:1) does not answer"
    assert cluster.asked[0] == ("/job:worker/replica:0/task:1", 10_000)


def test_a_host_that_answers_late_is_there(monkeypatch):
    assert watch(monkeypatch, [False, False, True, False, True]).aborted == []


TEXT = """Graph execution error:

Detected at node CollectiveReduceV2 defined at (most recent call last):
  File "tfbert/training/strategy.py", line 7, in on_all_tasks task:
Collective ops is aborted by: Error reported from /job:worker/task:1: The following tasks are unhealthy (stopped sending heartbeats):
/job:worker/replica:0/task:1
The tasks have crashed. Check the task logs for an earlier error, or scheduler events (e.g. preemption) to debug further.
The error could be from a previous operation. Restart your program to reset.
\t [[{{node CollectiveReduceV2}}]] [Op:__inference_total_1]"""


def test_what_tensorflow_says():
    found = peers.said(tf.errors.UnavailableError(None, None, TEXT))
    assert found.startswith("Collective ops is aborted by: Error reported from /job:worker/task:1:")
    assert found.endswith("(stopped sending heartbeats): /job:worker/replica:0/task:1")
    assert peers.said(RuntimeError("")) == "RuntimeError"


def test_a_lost_host_is_said_in_a_line(monkeypatch):
    class State:
        newest = 7

    monkeypatch.setattr("tfbert.training.strategy.num_hosts", lambda strategy: 2)
    with pytest.raises(TrainingError, match="step 7 is the newest.*says: Collective ops is aborted by: Error reported"):
        with lost_hosts(tf.distribute.get_strategy(), State()):
            raise tf.errors.UnavailableError(None, None, TEXT)
    with pytest.raises(TrainingError, match="says: .*Collective ops is aborted by: the host a:1 does not answer"):
        with lost_hosts(tf.distribute.get_strategy(), State()), disk_errors("ckpt", errors=(tf.errors.OpError,)):
            raise tf.errors.UnavailableError(None, None, "Collective ops is aborted by: the host a:1 does not answer")
    with pytest.raises(DiskError, match="could not write ckpt: No space left"):
        with lost_hosts(tf.distribute.get_strategy(), State()), disk_errors("ckpt"):
            raise OSError(28, "No space left on device")


def test_hosts_wait_for_a_time(monkeypatch):
    """By what TensorFlow's strategy calls without a time of its own; see `peers.waiting`."""
    source = inspect.getsource(collective_all_reduce_strategy)
    assert ".configure_coordination_service(" in source and "cluster_register_timeout" not in source
    monkeypatch.setattr(context.context(), "_coordination_service_config", None)
    method = context.context().configure_coordination_service
    with pytest.raises(TrainingError, match="did not find each other in 9 seconds.*--host_timeout.*says: Deadline"):
        with peers.waiting(9):
            context.context().configure_coordination_service("standalone")
            config = context.context().coordination_service
            assert config.cluster_register_timeout_in_ms == 9000 and config.cluster_register_with_barrier
            raise tf.errors.DeadlineExceededError(None, None, "Deadline Exceeded")
    with (
        pytest.raises(TrainingError, match="nobody else.*listens to its port.*says: Could not start gRPC"),
        peers.waiting(9),
    ):
        raise tf.errors.UnknownError(None, None, "Could not start gRPC server")
    assert context.context().configure_coordination_service == method
    assert callable(context.context().check_collective_ops_peer_health)
    assert callable(context.context().abort_collective_ops)
