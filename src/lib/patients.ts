// A patient's login: a personal number and a gender in, a new session id out.
import type { Gender } from './fields.ts';
import { callFunction, type RequestContext } from './request-context.ts';

/** Makes a new session; earlier sessions of the same person keep their entries. */
export async function loginPatient(ctx: RequestContext, patient: { patientId: string; gender: Gender }) {
  const id = ctx.ids.secret();
  const { login_time: loginTime } = await callFunction<{ login_time: string }>(ctx, 'login_patient', {
    patient_id: patient.patientId,
    gender: patient.gender,
    session_id: id,
  });
  return {
    success: true,
    data: {
      id,
      patientId: patient.patientId,
      gender: patient.gender,
      loginTime,
      status: 'logged_in',
      currentPath: [] as string[],
      completedClinics: [] as string[],
    },
    message: 'Login successful',
  } as const;
}
