"""Runs PyTorch on packed sequences, for ../lengths.mjs: one step for each line of the input, such as training/longest first."""
import json
import sys
import warnings

task = json.loads(sys.argv[1])
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
torch.manual_seed(1)
I, H, O, B, T = (task[name] for name in "IHOBT")
x = torch.sin(0.7 * torch.arange(T * B * I)).view(T, B, I)
targets = torch.sin(0.7 * torch.arange(T * B * O)).view(T, B, O)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(I, H)
        self.head = nn.Linear(H, O)

    def forward(self, lengths):
        if lengths is None:
            return self.head(self.lstm(x)[0])
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        return self.head(pad_packed_sequence(self.lstm(packed)[0], total_length=T)[0])


def steps_of(lengths):
    model = Model()
    optimizer = torch.optim.Adam(model.parameters())
    lengths = None if lengths is None else torch.tensor(lengths)
    mask = torch.ones(T, B) if lengths is None else (torch.arange(T)[:, None] < lengths[None, :]).float()
    weights = mask[:, :, None] / (mask.sum() * O)

    def train():
        optimizer.zero_grad()
        ((model(lengths) - targets) ** 2 * weights).sum().backward()
        optimizer.step()

    def predict():
        with torch.no_grad():
            model(lengths)

    return {"training": train, "prediction": predict}


steps = {kind: steps_of(lengths) for kind, lengths in task["kinds"].items()}
print("ready", flush=True)
for line in sys.stdin:
    what, kind = line.strip().split("/")
    steps[kind][what]()
    print("done", flush=True)
