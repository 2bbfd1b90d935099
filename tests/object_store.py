"""An object store on loopback: moto's server, in a thread of the test's own process."""

import logging
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pyarrow.fs

REGION = "eu-central-1"


class ObjectStore:
    """A server that speaks S3; started when made."""

    def __init__(self) -> None:
        # Slow to load, and few tests need it.
        from moto.moto_server.threaded_moto_server import ThreadedMotoServer

        # A line per request tells nothing where a test fails.
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        self._server: Any = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        _, port = self._server.get_host_and_port()
        self.address = f"http://127.0.0.1:{port}"

    def environment(self) -> dict[str, str]:
        """Return the variables by which programs find the store."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test-key",
            "AWS_SECRET_ACCESS_KEY": "hidden-secret",
            # Nor is a machine's own role asked for.
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def new_bucket(self) -> "Bucket":
        files = pyarrow.fs.S3FileSystem(
            endpoint_override=self.address, region=REGION, allow_bucket_creation=True, allow_bucket_deletion=True
        )
        # Servers of one process share what they hold.
        name = f"sway-{uuid4().hex}"
        files.create_dir(name)
        return Bucket(self, files, name)

    def answer_first(self, answers: Callable[[Any], str | None]) -> None:
        """Let a function see each request first, as WSGI has it; where it returns a status, that is the answer."""
        app = self._server._server.app

        def seen(environ: Any, start_response: Any) -> Any:
            status = answers(environ)
            if status is None:
                return app(environ, start_response)
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response(status, [("Content-Length", "0")])
            return [b""]

        self._server._server.app = seen

    def stop(self) -> None:
        """Stop answering; what is asked from then on is refused. May be called twice."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()


class Bucket:
    """A bucket and what lies in it, by names below the activity log's prefix."""

    def __init__(self, store: ObjectStore, files: pyarrow.fs.FileSystem, name: str) -> None:
        self.store = store
        self.name = name
        self._files = files
        self.log = f"s3://{name}/sway/log"

    def _path(self, name: str) -> str:
        return f"{self.name}/sway/log/{name}"

    def names(self) -> list[str]:
        """Return what lies there, ascending."""
        wanted = pyarrow.fs.FileSelector(self._path("").rstrip("/"), recursive=True, allow_not_found=True)
        found = self._files.get_file_info(wanted)
        return sorted(info.path.removeprefix(self._path("")) for info in found if info.is_file)

    def content(self, name: str) -> bytes:
        with self._files.open_input_stream(self._path(name)) as stream:
            return bytes(stream.read())

    def put(self, name: str, content: bytes) -> None:
        with self._files.open_output_stream(self._path(name)) as stream:
            stream.write(content)

    def delete(self, name: str) -> None:
        self._files.delete_file(self._path(name))

    def delete_all(self) -> None:
        """Delete the bucket itself."""
        self._files.delete_dir(self.name)
