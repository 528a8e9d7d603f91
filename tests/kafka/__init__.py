"""What faults do to lines that go over Kafka, one by one, on a real Kafka: `make kafka-test`, docs/kafka.md."""
