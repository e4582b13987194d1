"""A network handed over: as ONNX, a torch.export program, safetensors, or a readable Python file."""
