/** No queue takes this message: nothing is bound for its routing key. Not stored anywhere. */
export class UnroutableError extends Error {
  override name = "UnroutableError";
}

/**
 * The broker refused the message, as a full queue does (`reject-publish`). Other queues bound to the
 * same exchange may have taken it, so a repeat must carry the same id.
 */
export class PublishRefusedError extends Error {
  override name = "PublishRefusedError";
}

/** The message was handed over and no verdict came: it may be stored, or not. */
export class PublishUnknownError extends Error {
  override name = "PublishUnknownError";
}

/** The same for all that was in flight: the connection broke, or the broker closed the channel. */
export class ChannelLostError extends PublishUnknownError {
  override name = "ChannelLostError";
}

/** There was no connection, or no room, in time: the message was certainly not published. */
export class BrokerUnavailableError extends Error {
  override name = "BrokerUnavailableError";
}
