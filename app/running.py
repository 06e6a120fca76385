"""Start the API, the page, or both, and say what is wrong before anything heavy is loaded."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from types import FrameType

from core.errors import SettingsError
from core.settings import ROOT, Settings, load_settings


def require_free(host: str, port: int, what: str) -> None:
    """Raises SettingsError if something listens on the port already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"port {port} on {host} cannot be used for {what} ({error.strerror}): "
                "stop what listens there, or take another (--port, --ui-port, TRIVIUM_PORT)"
            ) from None


def api_settings(port: int | None, host: str | None = None) -> Settings:
    given = {name: value for name, value in {"port": port, "host": host}.items() if value is not None}
    return load_settings(**given)


def serve_api(port: int | None, host: str | None) -> None:
    from core.domain import load_domain

    settings = api_settings(port, host)
    require_free(settings.host, settings.port, "the API")
    load_domain(settings.domain)
    if settings.offline or not settings.needs_hub:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import uvicorn

    from app.main import create_app

    app = create_app(settings)
    config = uvicorn.Config(
        app, host=settings.host, port=settings.port, log_level="warning", timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)

    def end() -> None:
        server.should_exit = True

    app.state.on_failure = end
    server.run()
    if app.state.readiness.error is not None:
        raise app.state.readiness.error


def page_command(port: int) -> list[str]:
    options = {"server.port": port, "server.headless": "true", "browser.gatherUsageStats": "false"}
    options["server.address"] = "127.0.0.1"
    flags = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    return [sys.executable, "-m", "streamlit", "run", str(ROOT / "ui" / "main.py"), *flags]


def serve_page(port: int, api: str) -> int:
    require_free("127.0.0.1", port, "the page")
    return subprocess.call(page_command(port), env={**os.environ, "TRIVIUM_API_URL": api}, cwd=ROOT)


def serve_both(port: int | None, ui_port: int) -> int:
    """API and page as children; when one ends or Ctrl-C comes, both end. Returns the exit status."""
    settings = api_settings(port)
    require_free(settings.host, settings.port, "the API")
    require_free("127.0.0.1", ui_port, "the page")
    url = f"http://{settings.host}:{settings.port}"
    env = {**os.environ, "TRIVIUM_API_URL": url}
    if settings.api_key:  # it may stand in .env, which the page does not read
        env["TRIVIUM_API_KEY"] = settings.api_key.get_secret_value()
    api = subprocess.Popen([sys.executable, "-m", "app.cli", "serve", "--port", str(settings.port)], env=env)
    page = subprocess.Popen(page_command(ui_port), env=env, cwd=ROOT)

    def stop(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    print(f"Trivium: page http://127.0.0.1:{ui_port}, API {url} (Ctrl-C ends both)", flush=True)
    try:
        while api.poll() is None and page.poll() is None:
            time.sleep(0.3)
    except KeyboardInterrupt:
        pass
    finally:
        for child in (page, api):
            if child.poll() is None:
                child.terminate()
        for child in (page, api):
            try:
                child.wait(timeout=20)
            except subprocess.TimeoutExpired:
                child.kill()
    return api.returncode if api.returncode and api.returncode > 0 else 0
