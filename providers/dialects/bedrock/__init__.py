"""Amazon Bedrock: Claude models by `InvokeModel` and `InvokeModelWithResponseStream`."""
