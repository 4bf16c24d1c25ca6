import { describe, expect, it, vi } from 'vitest';
import {
  BREAKER_CONFIGS,
  CircuitBreaker,
  type CircuitBreakerConfig,
  type CircuitBreakerOptions,
  CircuitOpenError,
  CircuitState,
} from './circuit-breaker.ts';

const CONFIG = { failureThreshold: 3, successThreshold: 2, timeout: 30_000, monitoringPeriod: 60_000 };

/** A breaker with a clock that a test moves, and calls that end as it wishes. */
function breakerAt(config: CircuitBreakerConfig = CONFIG, options: CircuitBreakerOptions = {}) {
  let time = 1_000_000;
  const breaker = new CircuitBreaker(config, { now: () => time, ...options });
  const fail = (error: unknown = new Error('down')) =>
    breaker.execute(() => Promise.reject(error)).catch((caught: unknown) => caught);
  const succeed = () => breaker.execute(async () => 'value').catch((caught: unknown) => caught);
  return {
    breaker,
    fail,
    succeed,
    wait: (milliseconds: number) => {
      time += milliseconds;
    },
    failTimes: async (times: number) => {
      for (let count = 0; count < times; count += 1) await fail();
    },
  };
}

/** A call under way, and how it ends. */
function underWay(breaker: CircuitBreaker) {
  let resolve: (value: string) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<string>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  const ended = breaker.execute(() => promise).catch((caught: unknown) => caught);
  return { ended, succeed: () => resolve('late'), fail: () => reject(new Error('late')) };
}

describe('a closed circuit', () => {
  it('passes values and errors on as they are', async () => {
    const { breaker } = breakerAt();
    const error = new TypeError('its own');
    await expect(breaker.execute(async () => 7)).resolves.toBe(7);
    await expect(breaker.execute(() => Promise.reject(error))).rejects.toBe(error);
    expect(breaker.getState()).toBe(CircuitState.CLOSED);
  });

  it('opens at the threshold of failures, not before', async () => {
    const { breaker, failTimes } = breakerAt();
    await failTimes(2);
    expect(breaker.getState()).toBe(CircuitState.CLOSED);
    await failTimes(1);
    expect(breaker.getState()).toBe(CircuitState.OPEN);
  });

  it('forgets its failures at a success', async () => {
    const { breaker, failTimes, succeed } = breakerAt();
    await failTimes(2);
    await succeed();
    await failTimes(2);
    expect(breaker.getState()).toBe(CircuitState.CLOSED);
  });

  it('does not count failures older than the monitoring period', async () => {
    const { breaker, failTimes, wait } = breakerAt();
    await failTimes(2);
    wait(60_000);
    await failTimes(2);
    expect(breaker.getState()).toBe(CircuitState.CLOSED);
    wait(59_999);
    await failTimes(1);
    expect(breaker.getState()).toBe(CircuitState.OPEN);
  });

  it('does not count errors that are not the dependency’s own, which prove that it answers', async () => {
    const isFailure = (error: unknown) => !(error instanceof RangeError);
    const { breaker, fail, failTimes } = breakerAt(CONFIG, { isFailure });
    for (let count = 0; count < 10; count += 1)
      expect(await fail(new RangeError())).toBeInstanceOf(RangeError);
    expect(breaker.getState()).toBe(CircuitState.CLOSED);
    await failTimes(2);
    await fail(new RangeError());
    await failTimes(2);
    expect(breaker.getState()).toBe(CircuitState.CLOSED);
  });

  it('neither counts nor forgives for an error that says nothing about the dependency', async () => {
    const isNeutral = (error: unknown) => error instanceof RangeError;
    const { breaker, fail, failTimes } = breakerAt(CONFIG, { isNeutral });
    for (let count = 0; count < 10; count += 1)
      expect(await fail(new RangeError())).toBeInstanceOf(RangeError);
    expect(breaker.getState()).toBe(CircuitState.CLOSED);
    await failTimes(2);
    await fail(new RangeError());
    await failTimes(1);
    expect(breaker.getState()).toBe(CircuitState.OPEN);
  });

  it('counts a function that throws before it gives a promise', async () => {
    const { breaker } = breakerAt({ failureThreshold: 1, timeout: 1000 });
    const thrower = () => {
      throw new Error('at once');
    };
    await expect(breaker.execute(thrower)).rejects.toThrow('at once');
    expect(breaker.getState()).toBe(CircuitState.OPEN);
  });
});

describe('an open circuit', () => {
  it('rejects at once without calling, and says for how long', async () => {
    const { breaker, failTimes, wait } = breakerAt();
    await failTimes(3);
    wait(10_000);
    let called = false;
    const refused = await breaker
      .execute(async () => {
        called = true;
      })
      .catch((caught: unknown) => caught);
    expect(called).toBe(false);
    expect(refused).toBeInstanceOf(CircuitOpenError);
    expect(refused).toMatchObject({ message: 'Circuit breaker is OPEN', retryAfterMs: 20_000 });
  });

  it('lets a probe through after the timeout, and not a millisecond before', async () => {
    const { breaker, failTimes, succeed, wait } = breakerAt();
    await failTimes(3);
    wait(29_999);
    expect(await succeed()).toBeInstanceOf(CircuitOpenError);
    expect(breaker.getState()).toBe(CircuitState.OPEN);
    wait(1);
    expect(await succeed()).toBe('value');
    expect(breaker.getState()).toBe(CircuitState.HALF_OPEN);
  });

  it('is not moved by calls that began before it opened', async () => {
    const { breaker, failTimes, wait } = breakerAt();
    const good = [underWay(breaker), underWay(breaker)];
    const bad = underWay(breaker);
    await failTimes(3);
    wait(20_000);
    bad.fail();
    for (const call of good) call.succeed();
    await Promise.all([...good, bad].map(({ ended }) => ended));
    expect(breaker.getState()).toBe(CircuitState.OPEN);
    // The late failure did not start the timeout anew either.
    wait(10_000);
    await expect(breaker.execute(async () => 1)).resolves.toBe(1);
    expect(breaker.getState()).toBe(CircuitState.HALF_OPEN);
  });
});

describe('a half-open circuit', () => {
  async function halfOpen(config: CircuitBreakerConfig = CONFIG) {
    const made = breakerAt(config);
    await made.failTimes(config.failureThreshold);
    made.wait(config.timeout);
    return made;
  }

  it('passes one probe at a time', async () => {
    const { breaker, succeed } = await halfOpen();
    const probe = underWay(breaker);
    expect(breaker.getState()).toBe(CircuitState.HALF_OPEN);
    for (let count = 0; count < 3; count += 1) expect(await succeed()).toBeInstanceOf(CircuitOpenError);
    probe.succeed();
    expect(await probe.ended).toBe('late');
    expect(await succeed()).toBe('value');
  });

  it('is not moved by calls that began before it opened', async () => {
    const { breaker, failTimes, succeed, wait } = breakerAt();
    const [good, bad] = [underWay(breaker), underWay(breaker)];
    await failTimes(3);
    wait(30_000);
    await succeed();
    bad.fail();
    await bad.ended;
    expect(breaker.getState()).toBe(CircuitState.HALF_OPEN);
    good.succeed();
    await good.ended;
    expect(breaker.getState()).toBe(CircuitState.HALF_OPEN);
  });

  it('takes a probe that never ends for gone after ten seconds, and lets the next one through', async () => {
    const { breaker, succeed, wait } = await halfOpen();
    const lost = underWay(breaker);
    wait(9_999);
    expect(await succeed()).toBeInstanceOf(CircuitOpenError);
    wait(1);
    expect(await succeed()).toBe('value');
    // Should it end after all, it moves nothing: it says how the dependency was before.
    lost.fail();
    await lost.ended;
    expect(breaker.getState()).toBe(CircuitState.HALF_OPEN);
    expect(await succeed()).toBe('value');
    expect(breaker.getState()).toBe(CircuitState.CLOSED);
  });

  it('closes after the threshold of successes', async () => {
    const { breaker, succeed } = await halfOpen();
    await succeed();
    expect(breaker.getState()).toBe(CircuitState.HALF_OPEN);
    await succeed();
    expect(breaker.getState()).toBe(CircuitState.CLOSED);
  });

  it('counts from nothing once it closed', async () => {
    const { breaker, failTimes, succeed } = await halfOpen();
    await succeed();
    await succeed();
    await failTimes(2);
    expect(breaker.getState()).toBe(CircuitState.CLOSED);
  });

  it('opens at the first failure for a whole timeout, and forgets its successes', async () => {
    const { breaker, fail, succeed, wait } = await halfOpen();
    await succeed();
    await fail();
    expect(breaker.getState()).toBe(CircuitState.OPEN);
    wait(29_999);
    expect(await succeed()).toBeInstanceOf(CircuitOpenError);
    wait(1);
    await succeed();
    expect(breaker.getState()).toBe(CircuitState.HALF_OPEN);
    await succeed();
    expect(breaker.getState()).toBe(CircuitState.CLOSED);
  });

  it('goes on after a probe that failed by no fault of the dependency', async () => {
    const { breaker, fail, wait } = breakerAt(CONFIG, { isFailure: (error) => error instanceof TypeError });
    for (let count = 0; count < 3; count += 1) await fail(new TypeError());
    wait(30_000);
    await fail(new RangeError());
    expect(breaker.getState()).toBe(CircuitState.HALF_OPEN);
    await fail(new RangeError());
    expect(breaker.getState()).toBe(CircuitState.CLOSED);
  });
});

describe('a probe whose error says nothing about the dependency', () => {
  it('leaves the circuit half open, and the place of the probe free', async () => {
    const isNeutral = (error: unknown) => error instanceof RangeError;
    const { breaker, fail, failTimes, succeed, wait } = breakerAt(CONFIG, { isNeutral });
    await failTimes(3);
    wait(30_000);
    for (let count = 0; count < 5; count += 1)
      expect(await fail(new RangeError())).toBeInstanceOf(RangeError);
    expect(breaker.getState()).toBe(CircuitState.HALF_OPEN);
    expect(await succeed()).toBe('value');
    await fail(new RangeError());
    expect(breaker.getState()).toBe(CircuitState.HALF_OPEN);
    expect(await succeed()).toBe('value');
    expect(breaker.getState()).toBe(CircuitState.CLOSED);
  });
});

describe('the configuration', () => {
  it('needs a threshold and a timeout only: one success closes, and the window is the timeout', async () => {
    const { breaker, failTimes, succeed, wait } = breakerAt({ failureThreshold: 5, timeout: 60_000 });
    await failTimes(4);
    wait(60_000);
    await failTimes(4);
    expect(breaker.getState()).toBe(CircuitState.CLOSED);
    wait(59_999);
    await failTimes(1);
    expect(breaker.getState()).toBe(CircuitState.OPEN);
    wait(60_000);
    await succeed();
    expect(breaker.getState()).toBe(CircuitState.CLOSED);
  });

  it('of the three dependencies is the plan’s', () => {
    expect(BREAKER_CONFIGS).toStrictEqual({
      database: { failureThreshold: 5, successThreshold: 2, timeout: 60_000, monitoringPeriod: 60_000 },
      redis: { failureThreshold: 3, successThreshold: 2, timeout: 30_000, monitoringPeriod: 60_000 },
      external: { failureThreshold: 3, successThreshold: 2, timeout: 30_000, monitoringPeriod: 60_000 },
    });
  });

  it('measures by a clock that no correction of the time of day moves', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const breaker = new CircuitBreaker({ failureThreshold: 1, timeout: 60_000 });
      await breaker.execute(() => Promise.reject(new Error())).catch(() => {});
      vi.setSystemTime(Date.now() - 3_600_000);
      const refused = await breaker.execute(async () => 1).catch((caught: unknown) => caught);
      expect((refused as CircuitOpenError).retryAfterMs).toBeLessThanOrEqual(60_000);
      vi.setSystemTime(Date.now() + 7_200_000);
      await expect(breaker.execute(async () => 1)).rejects.toBeInstanceOf(CircuitOpenError);
    } finally {
      vi.useRealTimers();
    }
  });

  it('measures by the real clock when none is given', async () => {
    const breaker = new CircuitBreaker({ failureThreshold: 1, timeout: 60_000 });
    await breaker.execute(() => Promise.reject(new Error())).catch(() => {});
    const refused = await breaker.execute(async () => 1).catch((caught: unknown) => caught);
    expect(refused).toBeInstanceOf(CircuitOpenError);
    expect((refused as CircuitOpenError).retryAfterMs).toBeGreaterThan(59_000);
  });
});

describe('each change of state', () => {
  it('is told once, in its order, with where it came from', async () => {
    const changes: string[] = [];
    const { breaker, failTimes, fail, succeed, wait } = breakerAt(CONFIG, {
      onChange: (from, to) => changes.push(`${from} ${to}`),
    });
    await failTimes(3);
    await succeed();
    wait(30_000);
    await fail();
    wait(30_000);
    await succeed();
    await succeed();
    await succeed();
    breaker.reset();
    expect(changes).toEqual([
      'CLOSED OPEN',
      'OPEN HALF_OPEN',
      'HALF_OPEN OPEN',
      'OPEN HALF_OPEN',
      'HALF_OPEN CLOSED',
    ]);
  });
});

describe('reset', () => {
  it('closes the circuit with all counts at nothing', async () => {
    const { breaker, failTimes, succeed, wait } = breakerAt();
    await failTimes(3);
    breaker.reset();
    expect(breaker.getState()).toBe(CircuitState.CLOSED);
    await failTimes(2);
    breaker.reset();
    await failTimes(2);
    expect(breaker.getState()).toBe(CircuitState.CLOSED);

    await failTimes(1);
    wait(30_000);
    await succeed();
    breaker.reset();
    await failTimes(3);
    wait(30_000);
    await succeed();
    expect(breaker.getState()).toBe(CircuitState.HALF_OPEN);
  });
});
