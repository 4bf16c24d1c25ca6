import { describe, expect, it } from 'vitest';
import { CLINIC_IDS } from './clinics.ts';
import { planDay } from './day-plan.ts';
import { EXAM_TYPES } from './exam-types.ts';
import { createRandom } from './random.ts';

const plan = (patients: number, seed = 1) =>
  planDay({ patients, windowMs: 1000, random: createRandom(seed), withStubbornPatient: true });

describe('the plan of a day', () => {
  it('is the same for the same seed', () => {
    expect(plan(50, 4)).toEqual(plan(50, 4));
    expect(plan(50, 4)).not.toEqual(plan(50, 5));
  });

  it('brings a visitor to every clinic, even with one patient', () => {
    expect(new Set(plan(1).flatMap((patient) => patient.clinics))).toEqual(new Set(CLINIC_IDS));
    expect(new Set(plan(200).flatMap((patient) => patient.clinics))).toEqual(new Set(CLINIC_IDS));
  });

  it('has every exam type under its English and its Arabic name, and every way to ask for a route', () => {
    const names = new Set(plan(200).map((patient) => patient.examType));
    for (const exam of EXAM_TYPES) {
      expect(names).toContain(exam.key);
      expect(names).toContain(exam.arabic);
    }
    expect(new Set(plan(200).map((patient) => patient.request.kind))).toEqual(
      new Set(['dynamic', 'page', 'codes']),
    );
  });

  it('sends nobody twice to a clinic, and lets everybody arrive inside the window, in order', () => {
    const patients = plan(200);
    for (const patient of patients) {
      expect(new Set(patient.clinics).size).toBe(patient.clinics.length);
      expect(patient.arrivesAfterMs).toBeGreaterThanOrEqual(0);
      expect(patient.arrivesAfterMs).toBeLessThan(1000);
    }
    const arrivals = patients.map((patient) => patient.arrivesAfterMs);
    expect([...arrivals].sort((a, b) => a - b)).toEqual(arrivals);
  });

  it('makes personal numbers of 2 to 12 digits', () => {
    for (const { personalId } of plan(200)) {
      if (personalId !== undefined) expect(personalId).toMatch(/^([0-9]{2,12}|[٠-٩]{2,12})$/);
    }
  });
});
