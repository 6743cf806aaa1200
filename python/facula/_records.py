"""The zip files that PyTorch saves: records, stored without compression, each aligned to 64 bytes.

Records written here are laid out byte for byte as PyTorch lays them out: sizes follow the data,
the padding is an extra field of the letters FB, and the directory ends in its 64-bit form always.
Reading trusts nothing: every record must lie within the file, apart from all others, stored as it
is, and have the checksum that the directory promises.
"""

import struct
import zipfile
import zlib

ALIGNMENT = 64
_ELSEWHERE = 0xFFFFFFFF  # in place of a number that is written as a 64-bit one
_limit = _ELSEWHERE  # which those from here on are
_FLAGS = 0x0808  # sizes follow the data, names are UTF-8
_CORRUPT = (
    "PytorchStreamReader failed reading zip archive: {}. This is an internal miniz error. If you "
    "are seeing this error, there is a high likelihood that your checkpoint file is corrupted. "
    "This can happen if the checkpoint was not saved properly, was transferred incorrectly, or the "
    "file was modified after saving."
)


class Writer:
    """Writes records to a file, whose name without its extension they carry."""

    def __init__(self, write, name, checksums=True):
        self._write = write
        self._name = name
        self._checksums = checksums
        self._at = 0
        self._directory = []

    def _put(self, data):
        self._write(data)
        self._at += len(data)

    def record(self, name, data):
        """Writes one record: bytes, or a memoryview of bytes."""
        name = f"{self._name}/{name}".encode()
        start, size = self._at, len(data)
        large = size >= _limit
        extra = struct.pack("<HHQQ", 1, 16, size, size) if large else b""
        used = start + 30 + len(name) + len(extra) + 4
        padding = -used % ALIGNMENT
        extra += struct.pack("<2sH", b"FB", padding) + b"Z" * padding
        length = len(extra)
        known = _ELSEWHERE if large else 0
        self._put(
            struct.pack("<IHHHHHIIIHH", 0x04034B50, 0, _FLAGS, 0, 0, 0, 0, known, known,
                        len(name), length) + name + extra
        )  # fmt: skip
        crc = zlib.crc32(data) if self._checksums else 0
        self._put(data)
        if size > 0:
            form = "<IIQQ" if large else "<IIII"
            self._put(struct.pack(form, 0x08074B50, crc, size, size))
        self._directory.append((name, start, size, crc))

    def identity(self):
        """Forty digits that depend on the names and the data of the records so far."""
        names = b"".join(name[len(self._name) :] for name, *_ in self._directory)
        data = b"".join(struct.pack("<QI", size, crc) for _, _, size, crc in self._directory)
        parts = ((zlib.crc32(b, 1) << 32) | zlib.crc32(b) for b in (names, data))
        return "".join(f"{part:020d}" for part in parts).encode()

    def close(self):
        """Writes the directory."""
        start = self._at
        for name, offset, size, crc in self._directory:
            large = [n for n in (size, size, offset) if n >= _limit]
            sizes = _ELSEWHERE if size >= _limit else size
            place = _ELSEWHERE if offset >= _limit else offset
            extra = struct.pack(f"<HH{len(large)}Q", 1, 8 * len(large), *large) if large else b""
            self._put(
                struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 0, 0, _FLAGS, 0, 0, 0, crc,
                            sizes, sizes, len(name), len(extra), 0, 0, 0, 0, place) + name + extra
            )  # fmt: skip
        n, end = len(self._directory), self._at
        self._put(
            struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 0x031E, 45, 0, 0, n, n, end - start, start)
            + struct.pack("<IIQI", 0x07064B50, 0, end, 1)
            + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, min(n, 0xFFFF), min(n, 0xFFFF),
                          min(end - start, _ELSEWHERE), min(start, _ELSEWHERE), 0)
        )  # fmt: skip


class Reader:
    """Reads records of a seekable file."""

    def __init__(self, file, checksums=True):
        self._checksums = checksums
        self._file = file
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, struct.error, UnicodeDecodeError, OverflowError,
                NotImplementedError, OSError) as err:  # fmt: skip
            raise RuntimeError(_CORRUPT.format("failed finding central directory")) from err
        infos = archive.infolist()
        if not infos:
            raise RuntimeError(_CORRUPT.format("the archive is empty"))
        self._folder = infos[0].filename.partition("/")[0]
        self._places = self._locate(infos, archive.start_dir)

    def _locate(self, infos, end):
        """Where each record's data begin: name -> (offset, size, crc)."""
        places = {}
        infos = sorted(infos, key=lambda info: info.header_offset)
        starts = [info.header_offset for info in infos[1:]] + [end]
        for info, limit in zip(infos, starts):
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
                raise RuntimeError(
                    f"record {info.filename!r} is compressed or encrypted, which records of saved "
                    "files never are"
                )
            self._file.seek(info.header_offset)
            header = self._file.read(30)
            if len(header) != 30 or header[:4] != b"PK\3\4":
                raise RuntimeError(_CORRUPT.format("invalid header or archive is corrupted"))
            offset = info.header_offset + 30 + sum(struct.unpack("<HH", header[26:]))
            if offset + info.file_size > limit or info.filename in places:
                raise RuntimeError(_CORRUPT.format("invalid header or archive is corrupted"))
            places[info.filename] = (offset, info.file_size, info.CRC)
        return places

    def __contains__(self, name):
        return f"{self._folder}/{name}" in self._places

    def place(self, name):
        """The offset of a record's data in the file, and its size."""
        place = self._places.get(f"{self._folder}/{name}")
        if place is None:
            raise RuntimeError(
                f"PytorchStreamReader failed locating file {name}: file not found"
            )  # fmt: skip
        return place

    def read_into(self, name, out):
        """Fills the memory of out, a memoryview of bytes, with a record of the same size."""
        offset, size, crc = self.place(name)
        self._file.seek(offset)
        read_exactly(self._file, out)
        # PyTorch, told to compute no checksums, writes zeros
        if self._checksums and crc != 0 and zlib.crc32(out) != crc:
            raise RuntimeError(_CORRUPT.format(f"file {name} has the wrong checksum"))

    def read(self, name):
        """A record's bytes."""
        data = bytearray(self.place(name)[1])
        self.read_into(name, memoryview(data))
        return bytes(data)


def read_exactly(file, out):
    """Fills out, a memoryview of bytes, from a file."""
    readinto = getattr(file, "readinto", None)
    at, n = 0, len(out)
    while at < n:
        if readinto is not None:
            got = readinto(out[at:])
        else:
            data = file.read(n - at)
            got = len(data)
            out[at : at + got] = data
        if not got:
            raise RuntimeError(
                f"unexpected EOF, expected {n - at} more bytes. The file might be corrupted."
            )
        at += got
