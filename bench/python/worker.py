"""Runs PyTorch on one workload, as ../peers/worker.mjs runs the JavaScript engines.

The caller sets the environment (../peers/environment.mjs).

  python3 worker.py '{"workload": {...}, "adam": {...}, "threads": 1, "checks": 3, "slowMs": 5000, "data": "FILE.safetensors"}'
"""
import json
import math
import os
import resource
import sys
import time
import warnings

task = json.loads(sys.argv[1])
workload, threads = task["workload"], task["threads"]
import torch
from torch import nn

from safetensors_file import read_safetensors

warnings.filterwarnings("ignore")
torch.set_num_threads(threads)
answers = os.fdopen(3, "w")


def send(**message):
    answers.write(json.dumps(message) + "\n")
    answers.flush()


class Model(nn.Module):
    """LSTM layers with one bias each, like the other engines, and a linear head."""

    def __init__(self, data):
        super().__init__()
        levels = range(len(workload["hidden"]))
        shapes = [data["lstm.weight_ih_l%d" % level].shape for level in levels]
        self.lstm = nn.ModuleList(nn.LSTM(cols, rows // 4) for rows, cols in shapes)
        self.head = nn.Linear(workload["hidden"][-1], workload["O"])
        with torch.no_grad():
            for level, lstm in enumerate(self.lstm):
                lstm.weight_ih_l0.copy_(data["lstm.weight_ih_l%d" % level])
                lstm.weight_hh_l0.copy_(data["lstm.weight_hh_l%d" % level])
                lstm.bias_ih_l0.copy_(data["lstm.bias_ih_l%d" % level])
                lstm.bias_hh_l0.zero_().requires_grad_(False)
            self.head.weight.copy_(data["head.weight"])
            self.head.bias.copy_(data["head.bias"])

    def forward(self, x):
        for lstm in self.lstm:
            x, _ = lstm(x)
        return self.head(x)


class Step(nn.Module):
    """One time step with the state carried; LSTMCell is PyTorch's faster way to do one."""

    def __init__(self, model):
        super().__init__()
        lstm = model.lstm[0]
        self.cell = nn.LSTMCell(lstm.input_size, lstm.hidden_size)
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            setattr(self.cell, kind, getattr(lstm, kind + "_l0"))
        self.head = model.head

    def forward(self, x, h, c):
        h, c = self.cell(x, (h, c))
        return self.head(h), h, c


def compiled(module, *example):
    """Traced, with frozen weights, and optimized for inference."""
    return torch.jit.optimize_for_inference(torch.jit.trace(module.eval(), example))


def train_step(model, data):
    x, y, size = data["inputs"], data["targets"], workload["O"]
    adam = task["adam"]
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=adam["learningRate"], betas=(adam["beta1"], adam["beta2"]), eps=adam["eps"])
    classes = y.long().reshape(-1)

    def step():
        optimizer.zero_grad(set_to_none=True)
        out = model(x)
        if workload["loss"] == "crossEntropy":
            loss = nn.functional.cross_entropy(out.reshape(-1, size), classes)
        else:
            loss = nn.functional.mse_loss(out, y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def stream_step(model, data):
    x = data["inputs"][0]
    state = [torch.zeros(x.shape[0], workload["hidden"][0])] * 2
    run = compiled(Step(model), x, *state)

    def step():
        nonlocal state
        y, *state = run(x, *state)
        return y

    return step


def sequence_step(model, data):
    x = data["inputs"]
    run = compiled(model, x)
    return lambda: run(x)


def result_of(value):
    return [value] if isinstance(value, float) else value.reshape(-1)[-workload["B"] * workload["O"]:].tolist()


def measure(step, ms, chunk):
    def cpu():
        used = resource.getrusage(resource.RUSAGE_SELF)
        return 1e3 * (used.ru_utime + used.ru_stime)

    before, start, steps = cpu(), time.perf_counter(), 0
    while True:
        for _ in range(chunk):
            step()
        steps += chunk
        wall = 1e3 * (time.perf_counter() - start)
        if wall >= ms:
            break
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    note = "PyTorch %s, %d threads" % (torch.__version__, torch.get_num_threads())
    return dict(steps=steps, ms=wall / steps, cpuMs=(cpu() - before) / steps, rssMiB=rss, note=note)


def main():
    data = read_safetensors(task["data"])
    make = {"train": train_step, "stream": stream_step, "sequence": sequence_step}[workload["kind"]]
    with torch.inference_mode(workload["kind"] != "train"):
        step = make(Model(data), data)
        step_ms = 0
        for i in range(task["checks"]):
            start = time.perf_counter()
            value = step()
            step_ms = 1e3 * (time.perf_counter() - start)
            send(result=result_of(value), ms=step_ms)
            if i > 0 and step_ms > task["slowMs"]:
                break
        send(ready=True)
        for line in sys.stdin:
            measured = measure(step, json.loads(line)["ms"], max(1, math.floor(1 / step_ms)))
            step_ms = measured["ms"]
            send(**measured)


if __name__ == "__main__":
    try:
        main()
    except Exception as error:  # sent as an answer, because the terminal is hidden
        send(error=str(error))
