"""The guard that keeps every request on this machine works: without it the other tests would prove nothing."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Error

from tests.browser.chromium import Watch, is_local


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8501/_stcore/health", True),
        ("ws://127.0.0.1:8501/_stcore/stream", True),
        ("data:image/png;base64,AAAA", True),
        ("https://example.invalid/plotly.js", False),
        ("http://127.0.0.1.example.invalid/", False),
        ("wss://example.invalid/", False),
    ],
)
def test_what_counts_as_local(url: str, local: bool) -> None:
    assert is_local(url) == local


def test_a_request_to_another_host_is_seen_and_stopped(browser: Browser) -> None:
    watch = Watch()
    with browser.new_context() as context:
        watch.attach(context)
        with pytest.raises(Error):
            context.new_page().goto("http://example.invalid/")
    assert set(watch.strangers) == {"http://example.invalid/"}  # some browsers try more than once
