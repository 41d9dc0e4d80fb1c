"""Messages that kafka-python does not have, in the form of its own, written from Kafka's protocol guide."""
from kafka.protocol.api_message import ApiMessage

HERE = __name__


class ConsumerGroupHeartbeatRequest(ApiMessage, load_json=HERE): pass
class ConsumerGroupHeartbeatResponse(ApiMessage, load_json=HERE): pass
class ConsumerGroupDescribeRequest(ApiMessage, load_json=HERE): pass
class ConsumerGroupDescribeResponse(ApiMessage, load_json=HERE): pass
