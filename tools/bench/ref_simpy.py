"""The reference job in SimPy: a process a client, events for packets.

ref_simpy.py CLIENTS ROUTER:WEIGHT,...

Prints what it took and counted as JSON, in the form of bench's outcome.
"""

import json
import random
import resource
import sys

import simpy

HOP, ROUND, NETWORKS, FENCE = 0.001, 1.0, 8, 2
CLIENTS = int(sys.argv[1])
RELAYS = [tuple(map(int, r.split(":"))) for r in sys.argv[2].split(",")]

env = simpy.Environment()
chance = random.Random(1)
dead = [False] * len(RELAYS)
count = dict(selections=0, rounds=0, probes=0, replies=0, events=0)
parent = [None] * CLIENTS


def after(span, then):
    count["events"] += 1
    env.timeout(span).callbacks.append(lambda _: then())


def need(network, relay):
    return abs(network - RELAYS[relay][0]) + 3


def probe(network, relay, ttl, repliers):
    count["probes"] += 1
    way = min(need(network, relay), ttl) * HOP

    def expire():
        if ttl <= FENCE:
            after(way, lambda: None)

    def arrive():
        if not dead[relay]:
            after(way, answer)

    def answer():
        count["replies"] += 1
        repliers.append(relay)

    after(way, expire if ttl < need(network, relay) else arrive)


def select(client, wait):
    yield env.timeout(wait)
    network, ttl = 1 + client * NETWORKS // CLIENTS, 0
    count["selections"] += 1
    repliers = []
    while not repliers:
        ttl += 1
        count["rounds"] += 1
        for relay in range(len(RELAYS)):
            probe(network, relay, ttl, repliers)
        count["events"] += 1
        yield env.timeout(ROUND)
    (won,) = chance.choices(repliers, [RELAYS[r][1] for r in repliers])
    for _ in range(2):  # to the relay and back
        count["events"] += 1
        yield env.timeout(need(network, won) * HOP)
    parent[client] = won


def die():
    yield env.timeout(60)
    dead[0] = True
    for client in range(CLIENTS):
        if parent[client] == 0:
            env.process(select(client, chance.uniform(0, 30)))


for c in range(CLIENTS):
    env.process(select(c, chance.uniform(0, 20)))
env.process(die())
before = resource.getrusage(resource.RUSAGE_SELF)
env.run()
after_ = resource.getrusage(resource.RUSAGE_SELF)
cpu = after_.ru_utime + after_.ru_stime - before.ru_utime - before.ru_stime
print(json.dumps(dict(count, cpu_s=cpu, wall_s=cpu, clients=CLIENTS, peak_bytes=after_.ru_maxrss * 1024)))
