"""Messages that kafka-python does not have, in the form of its own, written from Kafka's protocol guide."""
from kafka.protocol.api_message import ApiMessage

HERE = __name__


class ConsumerGroupHeartbeatRequest(ApiMessage, load_json=HERE): pass
class ConsumerGroupHeartbeatResponse(ApiMessage, load_json=HERE): pass
class ConsumerGroupDescribeRequest(ApiMessage, load_json=HERE): pass
class ConsumerGroupDescribeResponse(ApiMessage, load_json=HERE): pass
class ShareGroupHeartbeatRequest(ApiMessage, load_json=HERE): pass
class ShareGroupHeartbeatResponse(ApiMessage, load_json=HERE): pass
class ShareGroupDescribeRequest(ApiMessage, load_json=HERE): pass
class ShareGroupDescribeResponse(ApiMessage, load_json=HERE): pass
class ShareFetchRequest(ApiMessage, load_json=HERE): pass
class ShareFetchResponse(ApiMessage, load_json=HERE): pass
class ShareAcknowledgeRequest(ApiMessage, load_json=HERE): pass
class ShareAcknowledgeResponse(ApiMessage, load_json=HERE): pass
class DescribeShareGroupOffsetsRequest(ApiMessage, load_json=HERE): pass
class DescribeShareGroupOffsetsResponse(ApiMessage, load_json=HERE): pass
class AlterShareGroupOffsetsRequest(ApiMessage, load_json=HERE): pass
class AlterShareGroupOffsetsResponse(ApiMessage, load_json=HERE): pass
class DeleteShareGroupOffsetsRequest(ApiMessage, load_json=HERE): pass
class DeleteShareGroupOffsetsResponse(ApiMessage, load_json=HERE): pass
