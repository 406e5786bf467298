"""Asking a camera for its streams by ONVIF."""

from __future__ import annotations

from datetime import timedelta

import pytest

from edge.capture import onvif
from edge.capture.errors import OpenError
from tests.edge.capture.test_soap import BOMB
from tests.harness.broker import free_port
from tests.harness.onvif_camera import Auth, OnvifCamera, Stream

MAIN = Stream("rtsp://192.0.2.99/main", 1920, 1080)
SUB = Stream("rtsp://192.0.2.99/sub?a=1&b=2", 640, 360)
SECRET = "open&sesame"


def ask(camera: OnvifCamera, password: str = SECRET) -> list[onvif.Profile]:
    return onvif.find("127.0.0.1", (free_port(), camera.port), "viewer", password).profiles()


@pytest.mark.parametrize("auth", [None, "token", "digest", "digest-always"])
def test_profiles_are_listed_with_size_source_and_address(auth: Auth | None) -> None:
    """Whichever login the camera wants, and none where it wants none."""
    with OnvifCamera([MAIN, SUB], auth=auth, password=SECRET) as camera:
        main, sub = ask(camera)
    assert (main.name, main.width, main.height) == ("stream 0", 1920, 1080)
    assert (sub.video_source, sub.url.geturl()) == ("source-1", SUB.url)
    assert camera.failed_logins == 0


@pytest.mark.parametrize("days", [-20_000, 400])
def test_a_camera_whose_clock_is_off_is_let_prove_by_its_own_clock(days: int) -> None:
    """Most cameras live in 1970 or where the battery died; they refuse a token of today."""
    ahead = timedelta(days=days)
    with OnvifCamera([MAIN], auth="token", password=SECRET, clock_ahead=ahead) as camera:
        assert len(ask(camera)) == 1
    assert camera.failed_logins == 0


@pytest.mark.parametrize("auth", ["token", "digest", "digest-always"])
def test_a_refused_login_is_shown_once(auth: Auth) -> None:
    """Cameras lock an account after a few."""
    with OnvifCamera([MAIN, SUB], auth=auth, password=SECRET) as camera:
        device = onvif.find("127.0.0.1", (camera.port,), "viewer", "wrong")
        for _ in range(2):
            with pytest.raises(OpenError) as caught:
                device.profiles()
            assert caught.value.reason == "unauthorised"
            assert "wrong" not in str(caught.value)
        assert device.is_refused
        assert camera.failed_logins == 1


def test_a_login_is_asked_for_and_not_there() -> None:
    """Nothing is guessed."""
    with OnvifCamera([MAIN], auth="token", password=SECRET) as camera:
        with pytest.raises(OpenError, match="asks for a login"):
            onvif.find("127.0.0.1", (camera.port,)).profiles()
        assert camera.failed_logins == 0


@pytest.mark.parametrize("media", ["", "http://[", "http://192.0.2.1/a\x00b", "/x y"])
def test_a_media_service_that_cannot_be_called_is_an_error_of_the_camera(media: str) -> None:
    """Nothing that it says ends in a traceback."""
    with OnvifCamera([MAIN], media=media) as camera, pytest.raises(OpenError):
        ask(camera)


def test_what_is_no_onvif_is_passed_over() -> None:
    """A web page, a bomb and a closed port are no device service."""
    with OnvifCamera(raw=b"<html/>") as page, OnvifCamera(raw=BOMB) as bomb:
        ports = (page.port, bomb.port, free_port())
        with pytest.raises(OpenError, match="does not answer by ONVIF"):
            onvif.find("127.0.0.1", ports)


@pytest.mark.parametrize(
    "url", ["http://192.0.2.99/main", "rtsp://a b/", "rtsp://a:x/", "\x7f", ""]
)
def test_an_address_that_is_none_is_left_out(url: str) -> None:
    """What a camera says is shown to people and may be put into a settings file."""
    with OnvifCamera([Stream(url, 640, 360), MAIN]) as camera:
        assert [each.url.geturl() for each in ask(camera)] == [MAIN.url]
