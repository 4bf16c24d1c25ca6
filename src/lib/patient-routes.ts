// A patient's route: the stations of one service day, in order, and how far the patient got.
import { stationsOfExam } from './exam-types.ts';
import type { Gender, SentStation } from './fields.ts';
import { callFunction, type RequestContext, today } from './request-context.ts';
import { invalidField, missingFields } from './validate.ts';

export interface Station {
  readonly id: string;
  readonly clinic: string;
  readonly name: string;
  readonly nameAr: string;
  readonly floor: string;
  readonly floorCode: string;
  readonly code: string;
  readonly weight: number;
  readonly note?: string;
  readonly roomNumber?: string;
  readonly status: 'ready' | 'locked' | 'completed';
  readonly entryTime: string | null;
  readonly exitTime: string | null;
}

export interface Route {
  readonly routeId: string;
  readonly patientId: string;
  readonly examType: string | null;
  readonly gender: Gender;
  readonly stations: readonly Station[];
  readonly clinics: readonly string[];
  readonly current: string | null;
  readonly completed: readonly string[];
  readonly currentStep: number;
  readonly status: 'active' | 'completed' | 'cancelled';
  readonly dynamic: boolean;
  readonly weights: Readonly<Record<string, number>>;
  readonly createdAt: string;
}

export interface RouteRequest {
  readonly patientId: string;
  readonly examType?: string | undefined;
  readonly gender?: Gender | undefined;
  readonly stations?: readonly SentStation[] | undefined;
  readonly clinics?: readonly SentStation[] | undefined;
}

/**
 * Today's route of the patient: the one there is, unchanged, or a new one. Stations that were sent keep their order;
 * without any they come from the type of examination and are ordered by how many wait at each clinic.
 */
export async function createRoute(ctx: RequestContext, request: RouteRequest) {
  const sent = request.stations ?? request.clinics;
  const { sticky, route } = await callFunction<{ sticky: boolean; route: Route }>(ctx, 'create_route', {
    route_id: ctx.ids.secret(),
    user: request.patientId,
    day: today(ctx).day,
    exam_type: request.examType ?? null,
    gender: request.gender ?? 'male',
    dynamic: sent === undefined,
    stations: sent ?? examStations(request.examType),
  });
  return {
    success: true,
    route,
    routeId: route.routeId,
    clinics: route.clinics,
    sticky,
    message: sticky ? 'Route already exists and remains unchanged' : 'Dynamic route created successfully',
  } as const;
}

/** The stations of a type of examination, as they are sent. Throws for a type that is missing or not there. */
export function examStations(examType: string | undefined): { id: string }[] {
  if (examType === undefined) throw missingFields(['examType']);
  const clinics = stationsOfExam(examType);
  if (!clinics) throw invalidField('examType');
  return clinics.map((id) => ({ id }));
}

/** Today's route of a patient, or the route with that id whatever its day. Throws ROUTE_NOT_FOUND. */
export async function getRoute(
  ctx: RequestContext,
  by: { routeId?: string | undefined; user?: string | undefined },
) {
  if (by.routeId === undefined && by.user === undefined) {
    throw missingFields(['patientId'], { missing: 'patientId parameter required' });
  }
  const { route } = await callFunction<{ route: Route }>(
    ctx,
    'get_route',
    by.routeId === undefined ? { user: by.user, day: today(ctx).day } : { route_id: by.routeId },
  );
  return { success: true, route } as const;
}
