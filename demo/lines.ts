// The lines of all clinics as staff see them, read before the first patient and after the last: a kept database has
// entries of today already, and at the end the server's own list is the proof that nobody was lost.

import type { Api } from './api.ts';
import { CLINIC_IDS, type ClinicId } from './clinics.ts';

export interface Person {
  readonly number: number;
  readonly user: string;
}

export interface Line {
  readonly day: string;
  /** All entries of the day, whatever their state: also the last number given. */
  readonly total: number;
  readonly waiting: readonly Person[];
  readonly inService: readonly Person[];
  readonly done: readonly Person[];
}

export type Lines = ReadonlyMap<ClinicId, Line>;

function person(entry: { ticket: number; visitId: string }): Person {
  return { number: entry.ticket, user: entry.visitId };
}

/** Reads all clinics; undefined when one of them gave no usable answer. */
export async function readLines(api: Api): Promise<Lines | undefined> {
  const lines = new Map<ClinicId, Line>();
  for (const clinic of CLINIC_IDS) {
    const outcome = await api.status(clinic);
    if (outcome.kind !== 'ok') return undefined;
    const { body } = outcome;
    lines.set(clinic, {
      day: body.dateKey,
      total: body.total,
      waiting: body.waiting.map(person),
      inService: body.in.map(person),
      done: body.done.map(person),
    });
  }
  return lines;
}
