"""S3: ranged reads, conditional writes, uploads in pieces that are checked, listings page by page."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import datetime
import email.utils
import errno
import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import botocore.config
import botocore.exceptions
import botocore.session
from botocore import UNSIGNED

from antdask import settings
from antdask.remote.client import ContentChangedError, Stat
from antdask.remote.prompt import make_prompt
from antdask.remote.ranges import Range
from antdask.remote.retry import patiently

#: Requests side by side, and connections kept.
PARALLEL = 8
#: Larger files go up in pieces of this size, each tried again by itself [byte].
PIECE = 64 << 20
#: Objects up to this size go up in one request, the only kind that every store with conditional writes makes conditional [byte].
SINGLE = 256 << 20
#: Uploads that were begun and not finished for so long belong to nobody.
_STALE = datetime.timedelta(days=1)
_METADATA = "crc32c"


@dataclasses.dataclass(frozen=True, slots=True)
class S3Stat(Stat):
    """An object as it is now; `crc32c` is what the uploader stated, ``None`` where nothing was or the store keeps no such notes."""

    crc32c: int | None = None


class S3Client:
    """Objects of one S3 service, by ``bucket/key``; path-style addressing, the form that every service knows."""

    def __init__(self) -> None:
        access = settings.s3_access()
        options: dict[str, Any] = {} if access.key or access.profile else {"signature_version": UNSIGNED}
        config = botocore.config.Config(
            s3={"addressing_style": "path"},
            # Some services fail at checksums that newer libraries send unasked; ours are Content-MD5 and a look at what arrived.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=10,
            read_timeout=60,
            max_pool_connections=2 * PARALLEL,
            user_agent_extra="antdask",
            **options,
        )
        keys = {"aws_access_key_id": access.key, "aws_secret_access_key": access.secret, "aws_session_token": access.token}
        with _converted("S3"):
            session = botocore.session.Session(profile=access.profile)
            self._s3: Any = session.create_client(
                "s3", region_name=access.region, endpoint_url=access.endpoint, config=config, **(keys if access.key else {})
            )
        make_prompt(self._s3)
        self.endpoint = str(self._s3.meta.endpoint_url)
        self._threads: ThreadPoolExecutor | None = None
        self._conditional: dict[str, bool] = {}

    def __repr__(self) -> str:
        return f"S3Client({self.endpoint!r})"

    def close(self) -> None:
        """See `client.Client.close`."""
        self._s3.close()
        if self._threads is not None:
            self._threads.shutdown(wait=False)
            self._threads = None

    def _call(self, operation: str, path: str, **arguments: Any) -> Any:
        """One operation on an object, tried again while the network is to blame."""
        bucket, _, key = path.partition("/")
        what = f"{operation} s3://{path} at {self.endpoint}"

        def attempt() -> Any:
            with _converted(what):
                return getattr(self._s3, operation)(Bucket=bucket, **({"Key": key} if key else {}), **arguments)

        return patiently(attempt, what)

    def stat(self, path: str) -> S3Stat:
        """See `client.Client.stat`."""
        return _stat(self._call("head_object", path))

    def read(self, path: str, start: int | None, stop: int | None, tag: str = "") -> bytes:
        """See `client.Client.read`; the whole object without bounds."""
        if start is not None and stop is not None and stop <= start:
            return b""
        bucket, _, key = path.partition("/")
        what = f"get_object s3://{path} at {self.endpoint}"
        last = "" if stop is None else str(stop - 1)
        arguments = {} if start is None and stop is None else {"Range": f"bytes={start or 0}-{last}"}

        def attempt() -> bytes:
            with _converted(what):
                answer = self._s3.get_object(Bucket=bucket, Key=key, **arguments)
                if tag and answer.get("ETag") not in {None, tag}:
                    raise ContentChangedError(path)
                data = bytes(answer["Body"].read())
            if len(data) != answer["ContentLength"]:
                raise ConnectionError(f"got {len(data)} of {answer['ContentLength']} bytes")
            return data

        try:
            return patiently(attempt, what)
        except OSError as error:
            if error.errno == errno.ERANGE:  # behind the end
                return b""
            raise

    def whole(self, path: str) -> bytes:
        """See `client.Client.whole`."""
        return self.read(path, None, None)

    def download(self, path: str, file: IO[bytes]) -> None:
        """See `client.Client.download`."""
        file.write(self.whole(path))

    def release(self, path: str) -> None:
        """See `client.Client.release`: nothing is held open for an object."""

    def read_spans(self, path: str, spans: Sequence[Range], tag: str = "") -> list[bytes]:
        """See `client.Client.read_spans`."""
        if len(spans) <= 1:
            return [self.read(path, a, b, tag) for a, b in spans]
        if self._threads is None:
            self._threads = ThreadPoolExecutor(PARALLEL, "antdask-s3")
        return list(self._threads.map(lambda s: self.read(path, s[0], s[1], tag), spans))

    def listing(self, path: str) -> Iterator[tuple[str, int, datetime.datetime]]:
        """Key below the folder, size and time of every object, a page of a thousand at a time."""
        bucket, _, prefix = path.partition("/")
        prefix = prefix.rstrip("/") + "/" if prefix.rstrip("/") else ""
        token: dict[str, str] = {}
        while True:
            page = self._call("list_objects_v2", bucket, Prefix=prefix, **token)
            for item in page.get("Contents", ()):
                yield item["Key"][len(prefix) :], int(item["Size"]), item["LastModified"]
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def sizes(self, path: str) -> dict[str, int]:
        """See `client.Client.sizes`."""
        return {name: size for name, size, _ in self.listing(path)}

    def is_empty(self, path: str) -> bool:
        """Whether no object lies below a folder.

        Raises
        ------
        FileNotFoundError
            There is no such bucket.
        """
        bucket, _, prefix = path.partition("/")
        prefix = prefix.rstrip("/") + "/" if prefix.rstrip("/") else ""
        return not self._call("list_objects_v2", bucket, Prefix=prefix, MaxKeys=1).get("Contents")

    def put(self, path: str, data: bytes, *, first: bool = False) -> bool:
        """Store a small object, replacing what was there; with `first`, only where nothing is, and ``False`` if something was.

        A store without conditional writes ignores `first`: ask `is_conditional`.
        """
        digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        return self._unless_there("put_object", path, first, Body=data, ContentMD5=digest)

    def put_file(self, path: str, file: Path, crc32c: int, *, first: bool = False) -> str:
        """Store a file; the ETag that its bytes must have, or an empty word where something was there before (with `first`).

        One request up to `SINGLE`, larger ones in pieces. Which of both is a matter of the size alone, so that equal files get equal tags.
        """
        nbytes = file.stat().st_size
        if nbytes > SINGLE:
            return self._put_pieces(path, file, nbytes, crc32c, first)
        with file.open("rb") as body:
            digest = hashlib.file_digest(body, functools.partial(hashlib.md5, usedforsecurity=False))
        arguments = {"ContentMD5": base64.b64encode(digest.digest()).decode(), "Metadata": {_METADATA: f"{crc32c:08x}"}}
        with file.open("rb") as body:
            stored = self._unless_there("put_object", path, first, lambda: body.seek(0), Body=body, ContentLength=nbytes, **arguments)
        return f'"{digest.hexdigest()}"' if stored else ""

    def _put_pieces(self, path: str, file: Path, nbytes: int, crc32c: int, first: bool) -> str:
        upload = {"UploadId": self._call("create_multipart_upload", path, Metadata={_METADATA: f"{crc32c:08x}"})["UploadId"]}
        done, digests = [], []
        try:
            with file.open("rb") as body:
                for number in range(1, -(-nbytes // PIECE) + 1):
                    piece = body.read(PIECE)
                    digest = hashlib.md5(piece, usedforsecurity=False).digest()
                    answer = self._call(
                        "upload_part", path, **upload, PartNumber=number, Body=piece, ContentMD5=base64.b64encode(digest).decode()
                    )
                    done.append({"PartNumber": number, "ETag": answer["ETag"]})
                    digests.append(digest)
            stored = self._unless_there("complete_multipart_upload", path, first, **upload, MultipartUpload={"Parts": done})
        except BaseException:
            # Pieces of an upload that never ends are kept, and paid for, for ever.
            with contextlib.suppress(OSError):
                self._call("abort_multipart_upload", path, **upload)
            raise
        return f'"{hashlib.md5(b"".join(digests), usedforsecurity=False).hexdigest()}-{len(done)}"' if stored else ""

    def _unless_there(self, operation: str, path: str, first: bool, rewind: Callable[[], Any] | None = None, **arguments: Any) -> bool:
        bucket, _, key = path.partition("/")
        what = f"{operation} s3://{path} at {self.endpoint}"
        condition = {"IfNoneMatch": "*"} if first else {}

        def attempt() -> bool:
            if rewind is not None:
                rewind()
            try:
                with _converted(what):
                    getattr(self._s3, operation)(Bucket=bucket, Key=key, **arguments, **condition)
            except FileExistsError:
                return False
            return True

        return patiently(attempt, what)

    def is_conditional(self, path: str) -> bool:
        """Whether this store honours ``If-None-Match`` for the folder's bucket: asked once, with an object that stays, and remembered."""
        bucket = path.partition("/")[0]
        if bucket not in self._conditional:
            probe = f"{path.rstrip('/')}/.conditional-put.tmp"
            # The first refusal is proof. Without it the object was new, or the store does not care: the second tells.
            self._conditional[bucket] = not self.put(probe, b"", first=True) or not self.put(probe, b"", first=True)
        return self._conditional[bucket]

    def remove(self, path: str) -> None:
        """Delete an object; nothing happens where there is none."""
        with contextlib.suppress(FileNotFoundError):
            self._call("delete_object", path)

    def abort_stale(self, path: str, needless: Callable[[str], bool] = lambda _: False) -> int:
        """Give up uploads below a folder that were begun more than a day ago, by the clock of the server, or that nobody needs; their number.

        Parameters
        ----------
        needless : callable
            Whether nobody needs an upload of this path, relative to the folder.
        """
        bucket, _, prefix = path.partition("/")
        top = prefix.rstrip("/") + "/"
        answer = self._call("list_multipart_uploads", bucket, Prefix=top)
        told = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        # It counts whole seconds.
        now = email.utils.parsedate_to_datetime(told) + datetime.timedelta(seconds=1) if told else datetime.datetime.now(datetime.UTC)
        stale = [u for u in answer.get("Uploads", ()) if now - u["Initiated"] > _STALE or needless(u["Key"].removeprefix(top))]
        for upload in stale:
            with contextlib.suppress(FileNotFoundError):
                self._call("abort_multipart_upload", f"{bucket}/{upload['Key']}", UploadId=upload["UploadId"])
        return len(stale)


def _stat(answer: dict[str, Any]) -> S3Stat:
    modified = answer.get("LastModified")
    mtime = int(modified.timestamp()) * 10**9 if modified else 0
    stated = {k.lower(): v for k, v in answer.get("Metadata", {}).items()}.get(_METADATA)
    return S3Stat(int(answer["ContentLength"]), mtime, str(answer.get("ETag", "")), int(stated, 16) if stated else None)


@contextlib.contextmanager
def _converted(what: str) -> Iterator[None]:
    """Turn errors of botocore into those of the operating system; words of the service are kept, headers and keys are not."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        raise _refusal(what, error) from error
    except (
        botocore.exceptions.NoCredentialsError,
        botocore.exceptions.PartialCredentialsError,
        botocore.exceptions.ProfileNotFound,
    ) as error:
        raise PermissionError(errno.EACCES, f"{what}: {error}") from error
    except botocore.exceptions.HTTPClientError as error:
        raise ConnectionError(f"{what}: {error}") from error
    except (botocore.exceptions.ResponseStreamingError, botocore.exceptions.IncompleteReadError) as error:
        raise ConnectionError(f"{what}: the answer broke off") from error
    except (botocore.exceptions.BotoCoreError, ValueError) as error:
        raise OSError(errno.EINVAL, f"{what}: {error}") from error


def _refusal(what: str, error: Any) -> OSError:
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code = str(error.response.get("Error", {}).get("Code", status))
    words = f"{what}: HTTP {status} {code}"
    if status >= 500 or status in {408, 429} or code in {"BadDigest", "RequestTimeout", "SlowDown", "ConditionalRequestConflict"}:
        return ConnectionError(words)
    if code in {"PreconditionFailed", "412"}:
        return FileExistsError(errno.EEXIST, words)
    if code == "InvalidRange" or status == 416:
        return OSError(errno.ERANGE, words)
    if status == 404:
        return FileNotFoundError(errno.ENOENT, words)
    if status in {401, 403}:
        return PermissionError(errno.EACCES, words)
    return OSError(errno.EINVAL, words)
