// What staff can set. The database knows what each setting may be and what holds while nobody set it.
import { type SettingType, westernDigits } from './fields.ts';
import { callFunction, type RequestContext } from './request-context.ts';
import { invalidField } from './validate.ts';

/** The settings by their keys; the emergency PIN is there for an admin only. */
interface Settings {
  readonly grace_minutes: number;
  readonly max_capacity_per_clinic: number;
  readonly enable_auto_routing: boolean;
  readonly enable_notifications: boolean;
  readonly working_hours_start: string;
  readonly working_hours_end: string;
  readonly emergency_pin?: string | null;
  readonly current_theme: string;
  readonly enable_theme_selector: boolean;
  readonly show_theme_preview: boolean;
  readonly admission_cadence_minutes: number;
}

type Key = keyof Settings;

const DESCRIPTIONS: Readonly<Record<Key, string>> = {
  grace_minutes: 'Minutes a called patient has to appear',
  max_capacity_per_clinic: 'Most people called and inside before a clinic stops calling',
  enable_auto_routing: 'Finishing a visit enters the queue of the next station',
  enable_notifications: 'Patients get live updates',
  working_hours_start: 'Local time at which calling begins',
  working_hours_end: 'Local time at which calling ends',
  emergency_pin: 'Code that gives a patient the highest priority',
  current_theme: 'Theme of the web page',
  enable_theme_selector: 'The theme can be chosen on the web page',
  show_theme_preview: 'Themes are shown before they are chosen',
  admission_cadence_minutes: 'Minutes between two admissions',
};

/** Every other name of a key. Working hours come as a pair as well. */
const KEYS: ReadonlyMap<string, Key> = new Map([
  ...(Object.keys(DESCRIPTIONS) as Key[]).flatMap((key) => [
    [key, key] as const,
    [key.replace(/_[a-z]/g, (letter) => letter.slice(1).toUpperCase()), key] as const,
  ]),
  ['maxCapacity', 'max_capacity_per_clinic'],
  ['autoRouting', 'enable_auto_routing'],
  ['notifications', 'enable_notifications'],
  ['cadenceMinutes', 'admission_cadence_minutes'],
]);

const WORKING_HOURS = 'workingHours';

/** Longest text that any setting takes, with room for blanks around it. */
const LONGEST_TEXT = 100;

/** The settings in the form that was asked for. One database round trip. */
export async function readSettings(ctx: RequestContext, type: SettingType | 'all' = 'all') {
  const { settings } = await callFunction<{ settings: Settings }>(ctx, 'get_settings', { admin: ctx.admin });
  const timestamp = ctx.clock.now().toISOString();
  switch (type) {
    case 'theme':
      return { success: true, type, data: themeSettings(settings), timestamp } as const;
    case 'system':
      return { success: true, type, data: systemSettings(settings), timestamp } as const;
    case 'all':
      return { success: true, type, data: describedSettings(settings), timestamp } as const;
  }
}

function themeSettings(settings: Settings) {
  return {
    currentTheme: settings.current_theme,
    enableThemeSelector: settings.enable_theme_selector,
    showThemePreview: settings.show_theme_preview,
  };
}

function systemSettings(settings: Settings) {
  return {
    graceMinutes: settings.grace_minutes,
    cadenceMinutes: settings.admission_cadence_minutes,
    maxCapacity: settings.max_capacity_per_clinic,
    autoRouting: settings.enable_auto_routing,
    notifications: settings.enable_notifications,
    workingHours: { start: settings.working_hours_start, end: settings.working_hours_end },
    ...(settings.emergency_pin !== undefined && { emergencyPin: settings.emergency_pin }),
  };
}

function describedSettings(settings: Settings) {
  const described = (Object.keys(DESCRIPTIONS) as Key[])
    .filter((key) => settings[key] !== undefined)
    .map((key) => {
      const value = settings[key] ?? null;
      return [key, { value: value === null ? null : String(value), description: DESCRIPTIONS[key] }] as const;
    });
  return Object.fromEntries(described);
}

export interface SettingsRequest {
  readonly type?: SettingType | undefined;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Saves all of them, or none when one is refused. One database round trip. */
export async function saveSettings(ctx: RequestContext, { type = 'system', settings }: SettingsRequest) {
  await save(ctx, settingsByKey(settings));
  return {
    success: true,
    type,
    message: 'تم تحديث الإعدادات بنجاح',
    updatedSettings: Object.keys(settings),
    timestamp: ctx.clock.now().toISOString(),
  } as const;
}

/** Saves one of them. One database round trip. */
export async function saveSetting(ctx: RequestContext, { key, value }: { key: string; value: unknown }) {
  if (!KEYS.has(key) && key !== WORKING_HOURS) throw invalidField('key');
  await save(ctx, settingsByKey({ [key]: value }));
  return {
    success: true,
    key,
    value,
    message: 'Setting updated successfully',
    timestamp: ctx.clock.now().toISOString(),
  } as const;
}

function save(ctx: RequestContext, settings: Readonly<Record<string, Scalar>>): Promise<unknown> {
  return callFunction(ctx, 'save_settings', { settings, admin: ctx.admin });
}

type Scalar = string | number | boolean | null;

/** Under their keys, whatever they were called; a key wins over its other names. Throws INVALID_FIELD. */
function settingsByKey(sent: Readonly<Record<string, unknown>>): Record<string, Scalar> {
  const found = new Map<Key, Scalar>();
  const take = (key: Key, value: unknown, isKey: boolean) => {
    const scalar = scalarOf(key, value);
    if (isKey || !found.has(key)) found.set(key, scalar);
  };
  for (const [name, value] of Object.entries(sent)) {
    const key = KEYS.get(name);
    if (key !== undefined) {
      take(key, value, name === key);
    } else if (name === WORKING_HOURS) {
      const { start, end } = hoursOf(value);
      if (start !== undefined) take('working_hours_start', start, false);
      if (end !== undefined) take('working_hours_end', end, false);
    } else {
      throw invalidField('settings');
    }
  }
  return Object.fromEntries(found);
}

function hoursOf(value: unknown): { readonly start?: unknown; readonly end?: unknown } {
  const isPair = typeof value === 'object' && value !== null && ('start' in value || 'end' in value);
  if (!isPair) throw invalidField(WORKING_HOURS);
  return value;
}

/** Only what a setting can be goes to the database: it cannot even read U+0000. */
function scalarOf(key: Key, value: unknown): Scalar {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return value;
  const isStorable =
    typeof value === 'string' && value.length <= LONGEST_TEXT && !/[\0\p{Surrogate}]/u.test(value);
  if (!isStorable) throw invalidField(key);
  return key === 'current_theme' ? value : westernDigits(value);
}
