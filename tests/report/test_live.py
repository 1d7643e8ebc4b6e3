"""What a training shows."""

from dmn_cli.report.live import curve_line, epoch_line, sparkline


def test_a_sparkline_goes_from_the_lowest_to_the_highest():
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([0.5, 0.5]) == "██"
    assert sparkline([]) == ""
    assert sparkline([0, 0, 0, 7, 7, 7], width=2) == "▁█"
    assert len(sparkline(range(1000))) == 40
    assert sparkline(range(1000))[0] + sparkline(range(1000))[-1] == "▁█"


def test_an_epoch_s_line_fits_a_narrow_terminal():
    line = epoch_line(256, 256, 0.000123456, 12.3456, 123.45, 0.99949, 0.9995)
    assert len(line) <= 80
    assert epoch_line(3, 12, 0.5, None, 0.25, 0.9, 0.9) == "epoch  3/12  loss 0.500  valid 0.250, 90.0 %  best so far"
    assert "best 95.0 %" in epoch_line(3, 12, 0.5, None, 0.25, 0.9, 0.95)


def test_the_curve_at_the_end():
    assert curve_line([0.25, 0.5, 1.0]) == "validation ▁▃█  25.0 to 100.0 %"
    assert curve_line([0.25]) == ""
