// The lines in the form of the older clients: all clinics at a glance, or one with its counts and its people.
import { readThroughCache } from './cached-read.ts';
import { type RequestContext, today } from './request-context.ts';

export interface SnapshotRequest {
  readonly clinicId?: string | undefined;
  readonly detailed?: boolean | undefined;
}

/** All clinics, or one clinic's counts; its people are shown to an admin only. One database round trip. */
export async function queueSnapshot(ctx: RequestContext, { clinicId, detailed }: SnapshotRequest) {
  return clinicId === undefined ? allClinics(ctx) : oneClinic(ctx, clinicId, detailed ?? false);
}

interface Load {
  readonly clinic: string;
  readonly name: string;
  readonly capacity: number;
  readonly called: number;
  readonly in: number;
  readonly completed: number;
  readonly total: number;
}

async function allClinics(ctx: RequestContext) {
  const now = ctx.clock.now().toISOString();
  const { clinics } = await readThroughCache<{ clinics: readonly Load[] }>(ctx, {
    sql: 'clinic_loads',
    args: { day: today(ctx).day },
    key: 'stats:loads',
  });
  const data = clinics.map((load) => ({
    clinicId: load.clinic,
    name: load.name,
    capacity: load.capacity,
    status: 'open' as const,
    currentCalled: load.called,
    currentIn: load.in,
    currentTotal: load.called + load.in,
    distributedToday: load.total,
    totalServedToday: load.completed,
    loadRatio: (load.called + load.in) / load.capacity,
    efficiencyScore: load.total === 0 ? 1 : load.completed / load.total,
    lastUpdated: now,
  }));
  return { success: true, type: 'all_clinics', data, timestamp: now } as const;
}

interface StoredSnapshot {
  readonly clinic: string;
  readonly counts: {
    readonly waiting: number;
    readonly called: number;
    readonly in: number;
    readonly done: number;
    readonly no_show: number;
  };
  readonly patients: readonly {
    readonly number: number;
    readonly patient_id: string;
    readonly status: 'waiting' | 'called' | 'in' | 'done' | 'no_show';
    readonly called_at: string | null;
    readonly expires_at: string | null;
    readonly started_at: string | null;
    readonly finished_at: string | null;
    readonly priority: number;
    readonly created_at: string;
  }[];
}

async function oneClinic(ctx: RequestContext, clinicId: string, detailed: boolean) {
  const now = ctx.clock.now().toISOString();
  const { clinic, counts, patients } = await readThroughCache<StoredSnapshot>(ctx, {
    sql: 'queue_snapshot',
    args: { clinic: clinicId, day: today(ctx).day, detailed },
    // These clients may also say a number, which is no name anywhere else.
    clinic: `older:${clinicId}`,
    key: (id) => `queue:snapshot:${id}`,
    ofOneLine: true,
    moreForAdmin: detailed,
  });
  const answer = { success: true, clinicId: clinic, timestamp: now } as const;
  return detailed
    ? ({ ...answer, type: 'detailed', data: { ...counts, patients, lastUpdated: now } } as const)
    : ({ ...answer, type: 'snapshot', data: counts } as const);
}
