"""The paper, one module a file: input, question, memory, answer; put together in dmn."""
