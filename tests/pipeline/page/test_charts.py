import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.page.charts import Threshold, binned, histogram, swatches
from pipeline.page.numbers import evenly, nice, share, ticks, value

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


@given(NUMBERS, st.none() | st.builds(Threshold, st.floats(-1e6, 1e6), st.booleans()))
def test_any_values_give_a_chart_that_says_what_it_shows(values, threshold):
    chart = ET.fromstring(histogram(values, "score", "votes", threshold))
    assert chart.get("role") == "img"
    assert chart.findtext("title", "").startswith(f"Histogram of score over {len(values):,} face")
    assert chart.findall("rect")
    numbers = [float(rect.get(side, "")) for rect in chart.iter("rect") for side in ("x", "y", "width", "height")]
    assert min(numbers) >= 0
    assert max(numbers) <= 360
    assert chart.findall("text")[-1].text in {"score, votes"} | (
        {chart.findall("text")[-1].text} if threshold else set()
    )


@given(NUMBERS)
def test_every_value_is_counted_once(values):
    bins = binned(np.array(values), None)
    assert bins.counts.sum() == len(values)
    assert np.all(np.diff(bins.edges) > 0)


@pytest.mark.parametrize("threshold", [Threshold(10.0, keeps_above=True), Threshold(9.5, keeps_above=False)])
def test_no_bar_is_on_both_sides_of_the_threshold(threshold):
    values = np.arange(1.0, 21.0)
    bins = binned(values, threshold)
    assert np.isclose(bins.edges, threshold.at).any()
    below = (bins.edges[:-1] + bins.edges[1:]) / 2 < threshold.at
    assert bins.counts[below].sum() == 9
    outside = bins.counts[below == threshold.keeps_above]
    chart = ET.fromstring(histogram(list(values), "score", threshold=threshold))
    drawn = [rect for rect in chart.findall("rect") if rect.get("class") == "out"]
    assert len(drawn) == np.count_nonzero(outside)


@given(values=NUMBERS, at=st.floats(-1e6, 1e6), keeps_above=st.booleans(), often=st.sampled_from([1, 300]))
@example(values=[13.0], at=10.0, keeps_above=True, often=1)
@example(values=[10.0], at=10.0, keeps_above=True, often=1)
@example(values=[0.3], at=0.3, keeps_above=False, often=1)
@example(values=[11.87], at=11.88, keeps_above=True, often=1)
@example(values=[50.0], at=10.0, keeps_above=True, often=1)
@settings(max_examples=30)
def test_the_bars_reject_as_many_as_the_threshold_does(values, at, keeps_above, often):
    numbers = [*values, values[0] - 1.0] + values * (often - 1)  # of many, the few at an end lie beyond the chart
    threshold = Threshold(at, keeps_above)
    chart = ET.fromstring(histogram(numbers, "score", threshold=threshold))
    out = [rect.findtext("title", "") for rect in chart.findall("rect") if rect.get("class") == "out"]
    drawn = sum(int(words.rpartition(": ")[2].split()[0].replace(",", "")) for words in out)
    assert drawn == sum(number < at if keeps_above else number > at for number in numbers)


def test_a_value_at_an_upper_threshold_is_drawn_as_kept():
    chart = ET.fromstring(histogram([0.1, 0.3, 0.3, 0.5], "share", threshold=Threshold(0.3, keeps_above=False)))
    out = [rect.findtext("title", "") for rect in chart.findall("rect") if rect.get("class") == "out"]
    assert len(out) == 1
    assert out[0].endswith(": 1 face")


def test_the_words_count_what_the_threshold_rejects():
    words = histogram([1.0, 5.0, 9.0], "score", threshold=Threshold(5.0, keeps_above=True))
    assert "1 face on the rejected side of the threshold 5." in words


def test_a_far_outlier_does_not_squash_the_chart():
    bins = binned(np.array([*np.linspace(0, 1, 999), 1e9]), None)
    assert bins.edges[-1] < 2
    assert bins.has_more


def test_where_nearly_all_are_the_same_the_others_are_seen():
    bins = binned(np.array([0.0] * 999 + [0.1]), None)
    assert bins.edges[0] == 0
    assert bins.edges[-1] == pytest.approx(0.1)


@pytest.mark.parametrize("only", [0.0, 0.01, 7.0])
def test_one_value_that_is_not_negative_gets_no_negative_axis(only):
    bins = binned(np.array([only]), None)
    assert bins.edges[0] >= 0
    assert bins.counts.sum() == 1


def test_colours_lie_beside_each_other():
    band = ET.fromstring(swatches([(255, 0, 0), (0, 16, 255)], "two colours"))
    assert [rect.get("fill") for rect in band.findall("rect")] == ["#ff0000", "#0010ff"]


def test_figures_are_short_and_true():
    assert [value(number) for number in (0.12345, 12.345, 1234.5, 3.0)] == ["0.123", "12.3", "1,234", "3"]
    assert [share(*parts) for parts in ((0, 0), (0, 5), (5, 5), (1, 3), (1, 10**6), (10**6 - 1, 10**6))] == (
        ["–", "0 %", "100 %", "33.3 %", "< 0.1 %", "> 99.9 %"]
    )
    assert ticks(0, 47, 4) == [0, 20, 40]
    assert evenly([1.0, 1.005, 1.01]) == ["1.000", "1.005", "1.010"]
    assert evenly([0.0, 5000.0]) == ["0", "5,000"]
    assert evenly([3.0]) == ["3"]
    assert [nice(width) for width in (0.03, 2.0, 7.0)] == [0.05, 2.0, 10.0]
