"""REINFORCE on a corridor: sampling by multinomial, log-probabilities, discounted returns."""

from collections import deque

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(543)
np.random.seed(543)


class Corridor:
    """Walk right to the goal; a step costs 0.1."""

    size = 6

    def reset(self):
        self.at, self.t = 1, 0
        return self.state()

    def state(self):
        s = np.zeros(self.size, dtype=np.float32)
        s[self.at] = 1
        return s

    def step(self, action):
        self.at = max(0, self.at + (1 if action == 1 else -1))
        self.t += 1
        done = self.at == self.size - 1 or self.t == 20
        return self.state(), (1.0 if self.at == self.size - 1 else -0.1), done


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(6, 16)
        self.affine2 = nn.Linear(16, 2)
        self.saved_log_probs = []
        self.rewards = []

    def forward(self, x):
        return F.softmax(self.affine2(F.relu(self.affine1(x))), dim=1)


policy, env = Policy(), Corridor()
optimizer = optim.Adam(policy.parameters(), lr=1e-2)
eps = np.finfo(np.float32).eps.item()


def select_action(state):
    state = torch.from_numpy(state).float().unsqueeze(0)
    probs = policy(state)
    action = torch.multinomial(probs, 1)
    policy.saved_log_probs.append(torch.log(probs.gather(1, action)).squeeze())
    return action.item()


def finish_episode():
    R, returns, losses = 0, deque(), []
    for r in policy.rewards[::-1]:
        R = r + 0.95 * R
        returns.appendleft(R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + eps)
    for log_prob, R in zip(policy.saved_log_probs, returns):
        losses.append(-log_prob * R)
    optimizer.zero_grad()
    loss = torch.stack(losses).sum()
    loss.backward()
    optimizer.step()
    del policy.rewards[:]
    del policy.saved_log_probs[:]
    return loss


running = None
for episode in range(40):
    state, total, done = env.reset(), 0, False
    while not done:
        state, reward, done = env.step(select_action(state))
        policy.rewards.append(reward)
        total += reward
    running = total if running is None else 0.9 * running + 0.1 * total
    if len(policy.rewards) > 1:
        loss = finish_episode()
    else:
        del policy.rewards[:], policy.saved_log_probs[:]
    if episode % 10 == 0:
        print(f"Episode {episode}\tLast reward: {total:.2f}\tAverage reward: {running:.2f}")
probs = policy(torch.eye(6))
print(probs.shape, (probs.sum(1) - 1).abs().max() < 1e-6, probs[:5].argmax(1))
