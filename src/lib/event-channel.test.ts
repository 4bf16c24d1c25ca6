import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EventChannel } from './event-channel.ts';
import { randomIds } from './ids.ts';
import { createStreamRegistry } from './stream-registry.ts';

const NOW = new Date('2025-10-29T12:00:00.000Z');

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp({ streamLifeMs = Number.POSITIVE_INFINITY } = {}) {
  const streams = createStreamRegistry();
  const clock = { now: () => NOW, simulated: true };
  const { signal } = new AbortController();
  const channel = new EventChannel({
    clock,
    ids: randomIds,
    streams,
    streamLifeMs,
    clientIp: '10.0.0.1',
    signal,
  });
  const ends: string[] = [];
  channel.onEnd(() => ends.push('end'));
  return { channel, streams, ends };
}

/** Reads on its own, as a client does; `text` is what came so far. */
function readAll(body: ReadableStream<Uint8Array>) {
  const client = { text: '', ended: false };
  const decoder = new TextDecoder();
  void (async () => {
    for await (const chunk of body) client.text += decoder.decode(chunk, { stream: true });
    client.ended = true;
  })();
  return client;
}

const frames = (text: string) => text.split('\n\n').filter((block) => block.includes('data: '));
const patient = { user: 'patient-a', clinic: undefined };

describe('a channel', () => {
  it('says when to come back, then that it is connected, then beats every 15 seconds', async () => {
    const { channel } = setUp();
    const client = readAll(channel.body);
    channel.open({ user: 'patient-a', clinic: 'lab' });
    await vi.advanceTimersByTimeAsync(31_000);
    expect(client.text).toMatch(/^retry: [456]\d{3}\n\n/);
    const beat = `event: heartbeat\ndata: {"ts":${NOW.getTime()},"type":"heartbeat"}`;
    expect(frames(client.text)).toEqual([
      `event: connected\ndata: {"status":"ok","timestamp":${NOW.getTime()},"clinic":"lab","user":"patient-a"}`,
      beat,
      beat,
    ]);
  });

  it('ends at the age its platform allows', async () => {
    const { channel, ends } = setUp({ streamLifeMs: 130_000 });
    const client = readAll(channel.body);
    channel.open(patient);
    await vi.advanceTimersByTimeAsync(129_999);
    expect(client.ended).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(client.ended).toBe(true);
    expect(ends).toEqual(['end']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves no timer and no place taken when its client goes away', async () => {
    const { channel, streams, ends } = setUp({ streamLifeMs: 130_000 });
    channel.open(patient);
    await channel.body.cancel();
    expect(channel.isOpen).toBe(false);
    expect(ends).toEqual(['end']);
    expect(vi.getTimerCount()).toBe(0);
    streams.endAll();
    channel.send({ event: 'CALLED', data: {} });
    channel.end();
    expect(ends).toEqual(['end']);
  });

  it('that was given up before it opened stays ended', async () => {
    const { channel } = setUp();
    channel.end();
    channel.open(patient);
    expect(vi.getTimerCount()).toBe(0);
    const client = readAll(channel.body);
    await vi.advanceTimersByTimeAsync(0);
    expect(client).toEqual({ text: '', ended: true });
  });

  it('that opens while the process shuts down ends at once', async () => {
    const { channel, streams } = setUp();
    streams.endAll();
    channel.open(patient);
    expect(channel.isOpen).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does late what was to be done at its end', () => {
    const { channel } = setUp();
    channel.end();
    const work = vi.fn();
    channel.onEnd(work);
    expect(work).toHaveBeenCalledTimes(1);
  });
});

describe('a client that does not read', () => {
  const frame = (number: number) => ({
    event: 'CALLED',
    id: `1-${number}`,
    data: { text: 'x'.repeat(10_000) },
  });

  it('is ended when a mebibyte waits, and still gets everything up to there', async () => {
    const { channel, ends } = setUp();
    channel.open(patient);
    let sent = 0;
    while (channel.isOpen) channel.send(frame(++sent));
    expect(sent).toBeGreaterThan(100);
    expect(sent).toBeLessThan(110);
    expect(ends).toEqual(['end']);
    expect(vi.getTimerCount()).toBe(0);
    const client = readAll(channel.body);
    await vi.advanceTimersByTimeAsync(0);
    expect(client.ended).toBe(true);
    expect(frames(client.text)).toHaveLength(1 + sent - 1);
    expect(client.text).toContain(`id: 1-${sent - 1}\n`);
    expect(client.text).not.toContain(`id: 1-${sent}\n`);
  });

  it('has no room for more until it has taken half of what waits', async () => {
    const { channel } = setUp();
    let hasRoom = false;
    for (let number = 0; number < 80; number += 1) channel.send(frame(number));
    void channel.room().then(() => {
      hasRoom = true;
    });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(hasRoom).toBe(false);
    readAll(channel.body);
    await vi.advanceTimersByTimeAsync(0);
    expect(hasRoom).toBe(true);
  });

  it('stops nobody who waits for room when it goes away', async () => {
    const { channel } = setUp();
    for (let number = 0; number < 80; number += 1) channel.send(frame(number));
    const room = channel.room();
    await channel.body.cancel();
    await expect(room).resolves.toBeUndefined();
  });
});
