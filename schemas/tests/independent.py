"""Decodes the golden files with fastavro, an Avro implementation that is not ours, and compares
every field with what we say that we wrote."""

import datetime
import io
import json
import pathlib
import sys
import uuid

import fastavro

HERE = pathlib.Path(__file__).parent


def plain(value):
    """fastavro's rich values as the golden files spell them."""
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime.datetime):
        epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        return (value - epoch) // datetime.timedelta(milliseconds=1)
    if isinstance(value, bytes):
        return list(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def main():
    passed = failed = 0
    for path in sorted((HERE / "golden").glob("*.json")):
        golden = json.loads(path.read_text())
        schema = fastavro.schema.load_schema(str(HERE.parent / "avro" / golden["schema"]))
        for number, sample in enumerate(golden["samples"]):
            data = bytes.fromhex(sample["hex"])
            framing = data[:1] + int(golden["schema_id"]).to_bytes(4, "big")
            stream = io.BytesIO(data[5:])
            fields = plain(fastavro.schemaless_reader(stream, schema))
            problems = [] if data[:5] == framing else ["the framing is not Confluent's"]
            problems += [] if stream.read() == b"" else ["bytes are left over"]
            for name in fields.keys() | sample["fields"].keys():
                if fields.get(name) != sample["fields"].get(name):
                    problems.append(f"{name}: {fields.get(name)!r} is not {sample['fields'].get(name)!r}")
            passed, failed = (passed, failed + 1) if problems else (passed + 1, failed)
            for problem in problems:
                print(f"{path.name} sample {number}: {problem}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
