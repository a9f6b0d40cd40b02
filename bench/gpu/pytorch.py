"""The same training update in PyTorch, on a GPU (cuDNN) if it has one. Only times compare: weights and data differ."""
import json
import sys
import time

import torch

w = json.loads(sys.argv[1])
device = 'cuda' if torch.cuda.is_available() else 'cpu'
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
lstm = torch.nn.LSTM(w['I'], w['hidden'][0], num_layers=len(w['hidden'])).to(device)
head = torch.nn.Linear(w['hidden'][-1], w['O']).to(device)
x = torch.rand(w['T'], w['B'], w['I'], device=device)
y = torch.rand(w['T'], w['B'], w['O'], device=device)
optimizer = torch.optim.Adam([*lstm.parameters(), *head.parameters()])
times = []
for _ in range(w['steps'] + 1):
    begin = time.perf_counter()
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(head(lstm(x)[0]), y)
    loss.backward()
    optimizer.step()
    value = loss.item()
    times.append(1000 * (time.perf_counter() - begin))
rest = sorted(times[1:])
name = torch.cuda.get_device_name() if device == 'cuda' else 'cpu'
print(json.dumps({'first': times[0], 'step': rest[len(rest) // 2], 'loss': value, 'device': name}))
