"""Looking at all known runs."""

from queue import Queue

from schema.run.commands import CommandInbox
from schema.run.status import State
from tests.tui.fake_run import FakeRun
from tui.watch.jobs import Job, JobsWatcher, changed_words, differences, flatten


def test_runs_come_newest_first_with_their_state(tmp_path):
    old, new = FakeRun(tmp_path, "old", begun=1000.0), FakeRun(tmp_path, "new", begun=2000.0)
    old.status("finished")
    new.status()
    news = Queue()
    watcher = JobsWatcher(news.put, every=60, runs=lambda: [old.folder, new.folder])
    watcher.start()
    jobs = news.get(timeout=5)
    watcher.stop()
    watcher.join(5)
    assert [(job.status.name, job.status.state) for job in jobs] == [
        ("new", State.TRAINING), ("old", State.FINISHED)
    ]  # fmt: skip


def test_an_order_is_sent_at_once(tmp_path):
    run = FakeRun(tmp_path)
    run.status()
    news = Queue()
    watcher = JobsWatcher(news.put, every=60, runs=lambda: [run.folder])
    watcher.start()
    news.get(timeout=5)
    watcher.order(run.folder, "stop")
    news.get(timeout=5)
    watcher.stop()
    watcher.join(5)
    assert [command.name for command in CommandInbox(run.folder, every=0).poll()] == ["stop"]


def test_a_config_becomes_paths_with_the_process_bare():
    config = {
        "job": "extension",
        "config": {"name": "a", "process": [{"train": {"lr": 1e-4}, "datasets": [{"x": 1}],
                                             "prompts": ["a", "b"]}]},
    }  # fmt: skip
    assert flatten(config) == {
        "job": "extension", "config.name": "a", "train.lr": 1e-4, "datasets[0].x": 1,
        "prompts": ["a", "b"],
    }  # fmt: skip
    assert flatten(None) == {}


def test_differences_leave_out_names_and_what_is_the_same():
    configs = [
        {"config.name": "a", "train.lr": 1, "train.steps": 5},
        {"config.name": "b", "train.lr": 2, "train.steps": 5, "network.linear": 8},
    ]
    assert differences(configs) == [("network.linear", [None, 8]), ("train.lr", [1, 2])]


def test_the_config_diff_is_the_name_of_the_run(tmp_path):
    run = FakeRun(tmp_path)
    status = None
    before = Job(run.folder, status, {"train.lr": 1e-4, "save.keep": 4})
    after = Job(run.folder, status, {"train.lr": 3e-4})
    assert changed_words(after, before) == "keep -  lr 0.0003"
    assert changed_words(after, None) == ""
