"""Makes the fixtures of this folder with the real PyTorch (1.13). See make.mjs, which runs first.

Each NAME.pt has a model; outputs.json has its inputs and what PyTorch computes from them.
"""
import json
import os
import struct
import sys
import types
import warnings

import torch
from torch import nn

warnings.filterwarnings("ignore")
os.chdir(os.path.dirname(os.path.abspath(__file__)))
STEPS, BATCH = 5, 3
outputs = {}


def load_file(path):
    """A safetensors file of float32, which the package of that name reads in the same way."""
    data = open(path, "rb").read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    found = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        numbers = torch.frombuffer(bytearray(data[8 + length + begin : 8 + length + end]), dtype=torch.float32)
        found[name] = numbers.reshape(entry["shape"])
    return found


def save_file(tensors, path):
    """As safetensors.torch.save_file, with the names sorted."""
    header, data = {}, b""
    for name in sorted(tensors):
        numbers = tensors[name].detach().contiguous().numpy().tobytes()
        header[name] = {
            "dtype": {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16"}[tensors[name].dtype],
            "shape": list(tensors[name].shape),
            "data_offsets": [len(data), len(data) + len(numbers)],
        }
        data += numbers
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def record(name, model, tokens=None, width=None):
    """The inputs and outputs of a module that computes [T, N, ...]."""
    if tokens:
        x = torch.randint(tokens, (STEPS, BATCH))
    else:
        x = torch.randn(STEPS, BATCH, width).to(next(model.parameters()).dtype)
    with torch.no_grad():
        y = model(x)
        y = y[0] if isinstance(y, tuple) else y
    outputs[name] = {"inputs": x.flatten().tolist(), "shape": list(y.shape), "output": y.flatten().tolist()}


class Chain(nn.Module):
    """Modules in the order of their names' arguments; an LSTM gives the h of every step."""

    def __init__(self, **modules):
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x):
        for module in self.children():
            x = module(x)
            x = x[0] if isinstance(x, tuple) else x
        return x


class Cell(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(3, 5)

    def forward(self, x):
        h = c = torch.zeros(BATCH, 5)
        out = []
        for step in x:
            h, c = self.cell(step, (h, c))
            out.append(h)
        return torch.stack(out)


torch.manual_seed(20)

# A language model, with another order of names than that of the layers, as a plain state dict.
language = Chain(wte=nn.Embedding(11, 5), rnn=nn.LSTM(5, 7, num_layers=2), fc=nn.Linear(7, 11))
record("language", language, tokens=11)
torch.save(language.state_dict(), "language.pt")
save_file(language.state_dict(), "language.sorted.safetensors")

# A checkpoint, as training loops save them, in protocol 4.
both = Chain(lstm=nn.LSTM(4, 6, num_layers=2, bidirectional=True), head=nn.Linear(12, 3))
optimizer = torch.optim.Adam(both.parameters())
record("checkpoint", both, width=4)
both(torch.randn(STEPS, BATCH, 4)).sum().backward()
torch.save(
    {
        "epoch": 3,
        "best": 0.25,
        "big": 2**40,
        "name": "both \u00e9",
        "done": False,
        "history": [0.5, (1, None)],
        "model_state_dict": both.state_dict(),
        "optimizer_state_dict": optimizer.state_dict(),
    },
    "checkpoint.pt",
    pickle_protocol=4,
)

projected = Chain(a=nn.LSTM(4, 8, num_layers=2, proj_size=3, bidirectional=True), b=nn.Linear(6, 2, bias=False))
record("projected", projected, width=4)
torch.save(projected.state_dict(), "projected.pt")

# A table that two modules share, and a weight that is stored by columns.
tied = Chain(embedding=nn.Embedding(9, 6), lstm=nn.LSTM(6, 6, bias=False), head=nn.Linear(6, 9))
tied.head.weight = tied.embedding.weight
record("tied", tied, tokens=9)
state = tied.state_dict()
state["lstm.weight_ih_l0"] = state["lstm.weight_ih_l0"].t().contiguous().t()
state["lstm.weight_hh_l0"] = torch.cat([torch.zeros(2, 6), state["lstm.weight_hh_l0"]])[2:]
torch.save(state, "tied.pt")

double = Chain(lstm=nn.LSTM(3, 4, num_layers=2)).double()
record("double", double, width=3)
torch.save(double.state_dict(), "double.pt")

for name, dtype in [("half", torch.float16), ("bfloat16", torch.bfloat16)]:
    small = Chain(lstm=nn.LSTM(3, 4), head=nn.Linear(4, 2)).to(dtype)
    saved = small.state_dict()
    record(name, small.float(), width=3)
    torch.save({key: value.to(dtype) for key, value in saved.items()}, f"{name}.pt")

cell = Cell()
record("cell", cell, width=3)
torch.save(cell.state_dict(), "cell.pt")

bare = nn.LSTM(3, 4)
record("bare", bare, width=3)
torch.save(bare.state_dict(), "bare.pt")

# What cannot be imported.
mixed = Chain(
    conv=nn.Conv1d(2, 3, 3), norm=nn.BatchNorm1d(3), gru=nn.GRU(3, 4), lstm=nn.LSTM(4, 5), ln=nn.LayerNorm(5), head=nn.Linear(5, 2)
)
torch.save(mixed.state_dict(), "mixed.pt")
torch.save({"model": both.state_dict(), "ema": both.state_dict()}, "two.pt")
torch.save(bare, "module.pt")
torch.save(bare.state_dict(), "legacy.pt", _use_new_zipfile_serialization=False)
torch.jit.save(torch.jit.script(bare), "script.pt")

# What Unspool has exported, run by the program that it prints.
sys.modules["safetensors"] = types.ModuleType("safetensors")
sys.modules["safetensors.torch"] = types.ModuleType("safetensors.torch")
sys.modules["safetensors.torch"].load_file = load_file
for name, sizes in [("tokens", {"tokens": 11}), ("values", {"width": 4})]:
    scope = {}
    exec(open(f"{name}.pytorch.py").read(), scope)
    record(f"export {name}", scope["model"], **sizes)

with open("outputs.json", "w") as file:
    json.dump(outputs, file)
