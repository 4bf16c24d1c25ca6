// The rows that an export becomes, in the forms that drizzle/0025_import.sql takes, each with the keys it comes from.
import type { Source } from './ledger.ts';

export interface Row<Sent> {
  readonly sent: Sent;
  readonly from: readonly Source[];
}

export interface PatientRow {
  readonly patient_id: string;
  readonly session_id: string | undefined;
  readonly gender: string | undefined;
  readonly login_time: string | undefined;
  readonly status: string | undefined;
}

export interface EntryRow {
  readonly user: string;
  readonly number: number;
  readonly status: string;
  readonly entered_at: string;
  readonly called_at: string | undefined;
  readonly completed_at: string | undefined;
}

/** A clinic's line of one service day. */
export interface Line {
  readonly clinic: string;
  readonly day: string;
  readonly entries: readonly Row<EntryRow>[];
}

export interface PinRow {
  readonly clinic: string;
  readonly pin: string;
}

export interface RouteRow {
  readonly route_id: string;
  readonly user: string;
  readonly day: string;
  readonly exam_type: string | undefined;
  readonly gender: string | undefined;
  readonly created_at: string;
  readonly cancelled: boolean;
  readonly stations: readonly object[];
}

export interface IntervalRow {
  readonly clinic: string;
  readonly seconds: number;
}
