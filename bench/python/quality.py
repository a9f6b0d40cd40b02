"""Trains with PyTorch for `npm run bench -- quality`, as ../quality/unspool.mjs does with Unspool.

The caller sets the environment (../peers/environment.mjs).

  python3 quality.py '{"settings": {...}, "threads": 1, "start": "FILE.safetensors"}'
"""
import json
import math
import os
import sys
import time

task = json.loads(sys.argv[1])
settings, threads = task["settings"], task["threads"]
import torch
from torch import nn

from safetensors_file import read_safetensors

torch.set_num_threads(threads)
torch.manual_seed(settings["seed"])
answers = os.fdopen(3, "w")


def send(**message):
    answers.write(json.dumps(message) + "\n")
    answers.flush()


class Model(nn.Module):
    def __init__(self, start):
        super().__init__()
        size, width = start["embedding.weight"].shape
        self.embedding = nn.Embedding(size, width)
        self.drop = nn.Dropout(settings["dropout"])
        self.lstm = nn.LSTM(width, settings["hidden"])
        self.head = nn.Linear(settings["hidden"], size)
        self.load_state_dict({name: start[name] for name in self.state_dict()})

    def forward(self, tokens, state):
        y, state = self.lstm(self.drop(self.embedding(tokens)), state)
        return self.head(self.drop(y)), state


class Streams:
    """A text cut into parallel streams, like Unspool's TextStreams: [T, N] inputs and targets."""

    def __init__(self, tokens, batch_size):
        self.length = (len(tokens) - 1) // batch_size
        used = self.length * batch_size
        self.inputs = tokens[:used].reshape(batch_size, self.length).T.contiguous()
        self.targets = tokens[1:used + 1].reshape(batch_size, self.length).T.contiguous()

    def batch(self, index):
        span = slice(index * settings["steps"], (index + 1) * settings["steps"])
        return self.inputs[span], self.targets[span]


def loss_of(logits, targets, reduction="mean"):
    return nn.functional.cross_entropy(logits.reshape(targets.numel(), -1), targets.reshape(-1), reduction=reduction)


def validation_bits(model, streams):
    model.eval()
    total, state = 0.0, None
    with torch.inference_mode():
        for index in range(math.ceil(streams.length / settings["steps"])):
            inputs, targets = streams.batch(index)
            logits, state = model(inputs, state)
            total += loss_of(logits, targets, "sum").item()
    model.train()
    return total / streams.targets.numel() / math.log(2)


def training(model, streams):
    """Makes one update per iteration and yields the loss of its batch."""
    optimizer = torch.optim.Adam(model.parameters(), lr=settings["learningRate"])
    while True:
        state = None
        for index in range(streams.length // settings["steps"]):
            inputs, targets = streams.batch(index)
            optimizer.zero_grad(set_to_none=True)
            logits, state = model(inputs, state)
            state = tuple(part.detach() for part in state)
            loss = loss_of(logits, targets)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), settings["clip"])
            optimizer.step()
            yield loss.item()
        for group in optimizer.param_groups:
            group["lr"] *= settings["decay"]


def main():
    start = read_safetensors(task["start"])
    batch_size = settings["batchSize"]
    model = Model(start)
    train, validation = (Streams(start[name].long(), batch_size) for name in ("text.train", "text.validation"))
    count = sum(p.numel() for p in model.parameters())
    send(parameters=count, updatesPerEpoch=train.length // settings["steps"], bits=validation_bits(model, validation))
    updates = training(model, train)
    for line in sys.stdin:
        command = json.loads(line)
        begin = time.perf_counter()
        for _ in range(command["updates"]):
            loss = next(updates)
        seconds = time.perf_counter() - begin
        bits = validation_bits(model, validation) if command.get("validate", True) else None
        send(seconds=seconds, loss=loss, bits=bits, threads=torch.get_num_threads())


try:
    main()
except Exception as error:  # sent as an answer, because the terminal is hidden
    send(error=str(error))
