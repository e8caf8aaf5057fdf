"""The page of ONNX's node tests follows from what is written down of them."""

import node_tests_page
import yaml


def test_the_page_is_up_to_date():
    outcomes = yaml.safe_load(node_tests_page.OUTCOMES.read_text("utf-8"))
    made = node_tests_page.page(outcomes)
    assert node_tests_page.PAGE.read_text("utf-8") == made, f"run `{node_tests_page.COMMAND}`"


def test_outcomes_are_counted_and_reasons_grouped():
    page = node_tests_page.page(
        {
            "test_a": "right",
            "test_b": "as_runtime",
            "test_c": {"refused": "no [code]"},
            "test_d": {"refused": "no [code]"},
            "test_e": "wrong",
        }
    )
    assert "| right | 1 |" in page
    assert "| wrong, a traceback or a signal | 1 |" in page
    assert "| refused by a sentence | 2 |" in page
    assert r"| no \[code\] | `c`, `d` |" in page
