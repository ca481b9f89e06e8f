"""A data team's consumer: reads `chat.messages.v1` from a broker with another client than ours, decodes it
with the published schema, folds deletes, and prints what it found as JSON.

    python schemas/tests/topic.py HOST:PORT TOPIC
"""

import io
import json
import pathlib
import sys

import confluent_kafka
import fastavro

SCHEMA = pathlib.Path(__file__).parent.parent / "avro" / "chat.messages.v1" / "1.avsc"
BODY = ("text", "target", "emoji")


def records(broker, topic):
    """All committed records up to the present end, by partition."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": broker,
        "group.id": "a-data-team",
        # Without this a consumer sees batches that were never committed.
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    })
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([confluent_kafka.TopicPartition(topic, p, confluent_kafka.OFFSET_BEGINNING) for p in partitions])
    at_end = set()
    while len(at_end) < len(partitions):
        message = consumer.poll(10)
        if message is None:
            raise SystemExit("the broker does not answer")
        if message.error() is None:
            yield message
        elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
            at_end.add(message.partition())
        else:
            raise SystemExit(str(message.error()))
    consumer.close()


def main(broker, topic):
    schema = fastavro.schema.load_schema(str(SCHEMA))
    partitions, logs = {}, {}
    for message in records(broker, topic):
        value = message.value()
        assert value[0] == 0, "Confluent's framing"
        record = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema)
        conversation = str(record["conversation_id"])
        assert message.key().decode() == conversation, "keyed by conversation"
        partitions.setdefault(conversation, message.partition())
        assert partitions[conversation] == message.partition(), "a conversation stays in one partition"
        log = logs.setdefault(conversation, [])
        assert record["seq"] == len(log) + 1, "gapless, and each once"
        entry = {name: str(record[name]) for name in ("kind", "message_id", "sender_id", "client_msg_id")}
        entry["seq"], entry["ord"] = record["seq"], record["ord"]
        entry["body"] = {name: record[name] for name in BODY if record[name] is not None}
        log.append(entry)
    for log in logs.values():
        for delete in [entry["body"]["target"] for entry in log if entry["kind"] == "delete"]:
            for entry in log:
                if entry["seq"] == delete or (entry["kind"] == "edit" and entry["body"]["target"] == delete):
                    entry["body"].pop("text", None)
    json.dump({"partitions": partitions, "logs": logs}, sys.stdout)


main(*sys.argv[1:])
