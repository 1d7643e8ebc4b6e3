"""Events are read back by TensorBoard's own reader."""

import io
import sys

import pytest

from dmn_cli.errors import DmnError
from dmn_cli.records import Epoch
from dmn_cli.report.heat import HOT
from dmn_cli.report.tensorboard import CELL, events
from tests.report.test_mistakes import made

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of TensorBoard's own modules


def test_losses_accuracy_and_gates(tmp_path):
    with events(tmp_path / "tb") as writer:
        for number in (1, 2):
            writer.add_epoch(
                Epoch(
                    epoch=number,
                    answer_loss=1 / number,
                    gate_loss=2.0,
                    valid_loss=0.5,
                    valid_accuracy=number / 4,
                    learning_rate=0.001,
                    best=True,
                    seconds=1.0,
                )
            )
            writer.add_gates(number, [made("Why?", gates=[[1.0, 0.0], [0.5, 0.0], [0.0, 1.0]])])
    from PIL import Image
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(tmp_path / "tb"))
    read.Reload()
    assert set(read.Tags()["scalars"]) == {
        "loss/answers",
        "loss/gates",
        "loss/validation",
        "accuracy/validation",
        "learning rate",
    }
    answers = [(event.step, event.value) for event in read.Scalars("loss/answers")]
    assert answers == [(1, 1.0), (2, 0.5)]
    assert [event.value for event in read.Scalars("accuracy/validation")] == [0.25, 0.5]
    assert [event.step for event in read.Images("gates/question 1")] == [1, 2]
    image = Image.open(io.BytesIO(read.Images("gates/question 1")[0].encoded_image_string))
    assert image.size == (3 * CELL, 2 * CELL)  # passes across, facts down
    assert image.getpixel((1, 1)) == HOT
    assert image.getpixel((2 * CELL + 1, 1)) == (255, 255, 255)
    assert image.getpixel((2 * CELL + 1, CELL + 1)) == HOT


def test_where_it_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(DmnError, match="needs TensorBoard"), events(tmp_path / "tb"):
        pass
    assert not (tmp_path / "tb").exists()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DmnError, match="cannot be written"), events(tmp_path / "file" / "tb"):
        pass
