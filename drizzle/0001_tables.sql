CREATE TABLE "admins" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"username" text NOT NULL,
	"password_hash" text NOT NULL,
	"role" text DEFAULT 'admin' NOT NULL,
	"token_version" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "admins" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "clinics" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"code" text NOT NULL,
	"name" text NOT NULL,
	"name_ar" text,
	"floor" text,
	"page_code" text,
	"aliases" text[] DEFAULT '{}' NOT NULL,
	"capacity" integer DEFAULT 1 NOT NULL,
	"call_interval" integer DEFAULT 300 NOT NULL,
	"auto_call" boolean DEFAULT false NOT NULL,
	"is_active" boolean DEFAULT true NOT NULL,
	"display_order" integer,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "clinics_code_key" UNIQUE("code"),
	CONSTRAINT "clinics_code_check" CHECK ("clinics"."code" ~ '^[a-z0-9_-]{1,64}$'),
	CONSTRAINT "clinics_capacity_check" CHECK ("clinics"."capacity" > 0)
);
--> statement-breakpoint
ALTER TABLE "clinics" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "events" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"seq" bigint GENERATED ALWAYS AS IDENTITY (sequence name "events_seq_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"xid" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"event_type" text NOT NULL,
	"clinic_code" text,
	"patient_id" text,
	"position" integer,
	"data" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "events" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"key" text NOT NULL,
	"scope" text NOT NULL,
	"request_hash" text NOT NULL,
	"status" integer NOT NULL,
	"response" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_scope_key_pk" PRIMARY KEY("scope","key")
);
--> statement-breakpoint
ALTER TABLE "idempotency_keys" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "job_runs" (
	"job" text NOT NULL,
	"period" text NOT NULL,
	"finished_at" timestamp with time zone DEFAULT now() NOT NULL,
	"target" text,
	CONSTRAINT "job_runs_job_period_pk" PRIMARY KEY("job","period")
);
--> statement-breakpoint
ALTER TABLE "job_runs" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "patients" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"patient_id" text NOT NULL,
	"gender" text,
	"session_id" text,
	"login_time" timestamp with time zone,
	"status" text DEFAULT 'logged_in' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "patients_gender_check" CHECK ("patients"."gender" in ('male', 'female'))
);
--> statement-breakpoint
ALTER TABLE "patients" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "pin_attempts" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"clinic_code" text NOT NULL,
	"service_day" date NOT NULL,
	"patient_id" text,
	"client_ip_hash" text,
	"window_start" timestamp with time zone DEFAULT now() NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"day_failures" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "pin_attempts_subject_check" CHECK (num_nonnulls("pin_attempts"."patient_id", "pin_attempts"."client_ip_hash") = 1)
);
--> statement-breakpoint
ALTER TABLE "pin_attempts" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "pins" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"clinic_code" text NOT NULL,
	"pin" text NOT NULL,
	"service_day" date NOT NULL,
	"generated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone,
	"is_active" boolean DEFAULT true NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "pins_pin_check" CHECK ("pins"."pin" ~ '^[1-9][0-9]$')
);
--> statement-breakpoint
ALTER TABLE "pins" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "qr_sessions" (
	"token" text PRIMARY KEY NOT NULL,
	"patient_id" text NOT NULL,
	"service_day" date NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone,
	"device" text,
	CONSTRAINT "qr_sessions_device_check" CHECK ("qr_sessions"."device" in ('iOS', 'Android', 'Desktop'))
);
--> statement-breakpoint
ALTER TABLE "qr_sessions" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "queue_counters" (
	"clinic_code" text NOT NULL,
	"service_day" date NOT NULL,
	"last_number" integer DEFAULT 0 NOT NULL,
	"version" bigint DEFAULT 0 NOT NULL,
	"last_called_at" timestamp with time zone,
	CONSTRAINT "queue_counters_clinic_code_service_day_pk" PRIMARY KEY("clinic_code","service_day")
);
--> statement-breakpoint
ALTER TABLE "queue_counters" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "queues" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"clinic_code" text NOT NULL,
	"patient_id" text NOT NULL,
	"queue_number" integer NOT NULL,
	"service_day" date NOT NULL,
	"status" text DEFAULT 'WAITING' NOT NULL,
	"priority" integer DEFAULT 0 NOT NULL,
	"entered_at" timestamp with time zone DEFAULT now() NOT NULL,
	"called_at" timestamp with time zone,
	"started_at" timestamp with time zone,
	"completed_at" timestamp with time zone,
	"call_count" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "queues_status_check" CHECK ("queues"."status" in ('WAITING', 'CALLED', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED', 'NO_SHOW')),
	CONSTRAINT "queues_queue_number_check" CHECK ("queues"."queue_number" > 0),
	CONSTRAINT "queues_called_check" CHECK ("queues"."status" <> 'CALLED' or "queues"."called_at" is not null),
	CONSTRAINT "queues_started_check" CHECK ("queues"."status" <> 'IN_PROGRESS' or "queues"."started_at" is not null),
	CONSTRAINT "queues_completed_check" CHECK ("queues"."status" <> 'COMPLETED' or "queues"."completed_at" is not null)
);
--> statement-breakpoint
ALTER TABLE "queues" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "rate_limits" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"client_id" text NOT NULL,
	"endpoint" text NOT NULL,
	"request_count" integer DEFAULT 0 NOT NULL,
	"window_start" timestamp with time zone DEFAULT now() NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "rate_limits" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "reports" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"report_type" text NOT NULL,
	"report_date" date NOT NULL,
	"data" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "reports_report_type_check" CHECK ("reports"."report_type" in ('daily', 'weekly', 'monthly', 'annual'))
);
--> statement-breakpoint
ALTER TABLE "reports" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "routes" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"route_id" text NOT NULL,
	"patient_id" text NOT NULL,
	"exam_type" text,
	"gender" text,
	"service_day" date NOT NULL,
	"clinics" jsonb NOT NULL,
	"dynamic" boolean DEFAULT false NOT NULL,
	"current_clinic" text,
	"completed_clinics" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"status" text DEFAULT 'active' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "routes_status_check" CHECK ("routes"."status" in ('active', 'completed', 'cancelled'))
);
--> statement-breakpoint
ALTER TABLE "routes" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "settings" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"key" text NOT NULL,
	"value" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "settings" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "pin_attempts" ADD CONSTRAINT "pin_attempts_clinic_code_clinics_code_fk" FOREIGN KEY ("clinic_code") REFERENCES "public"."clinics"("code") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pins" ADD CONSTRAINT "pins_clinic_code_clinics_code_fk" FOREIGN KEY ("clinic_code") REFERENCES "public"."clinics"("code") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "queue_counters" ADD CONSTRAINT "queue_counters_clinic_code_clinics_code_fk" FOREIGN KEY ("clinic_code") REFERENCES "public"."clinics"("code") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "queues" ADD CONSTRAINT "queues_clinic_code_clinics_code_fk" FOREIGN KEY ("clinic_code") REFERENCES "public"."clinics"("code") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "admins_username_key" ON "admins" USING btree ("username");--> statement-breakpoint
CREATE INDEX "events_cursor_idx" ON "events" USING btree ("xid","seq");--> statement-breakpoint
CREATE INDEX "events_patient_clinic_idx" ON "events" USING btree ("patient_id","clinic_code");--> statement-breakpoint
CREATE INDEX "events_clinic_idx" ON "events" USING btree ("clinic_code");--> statement-breakpoint
CREATE INDEX "events_created_at_idx" ON "events" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "idempotency_keys_created_at_idx" ON "idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "patients_patient_id_key" ON "patients" USING btree ("patient_id");--> statement-breakpoint
CREATE UNIQUE INDEX "patients_session_id_key" ON "patients" USING btree ("session_id");--> statement-breakpoint
CREATE UNIQUE INDEX "pin_attempts_patient_key" ON "pin_attempts" USING btree ("clinic_code","service_day","patient_id") WHERE patient_id is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "pin_attempts_ip_key" ON "pin_attempts" USING btree ("clinic_code","service_day","client_ip_hash") WHERE client_ip_hash is not null;--> statement-breakpoint
CREATE INDEX "pin_attempts_service_day_idx" ON "pin_attempts" USING btree ("service_day");--> statement-breakpoint
CREATE UNIQUE INDEX "pins_clinic_day_key" ON "pins" USING btree ("clinic_code","service_day") WHERE is_active;--> statement-breakpoint
CREATE UNIQUE INDEX "pins_day_pin_key" ON "pins" USING btree ("service_day","pin") WHERE is_active;--> statement-breakpoint
CREATE INDEX "pins_clinic_day_idx" ON "pins" USING btree ("clinic_code","service_day");--> statement-breakpoint
CREATE INDEX "qr_sessions_service_day_idx" ON "qr_sessions" USING btree ("service_day");--> statement-breakpoint
CREATE UNIQUE INDEX "queues_active_entry_key" ON "queues" USING btree ("clinic_code","patient_id") WHERE status in ('WAITING', 'CALLED', 'IN_PROGRESS');--> statement-breakpoint
CREATE UNIQUE INDEX "queues_entry_of_day_key" ON "queues" USING btree ("clinic_code","patient_id","service_day") WHERE status not in ('CANCELLED', 'NO_SHOW');--> statement-breakpoint
CREATE UNIQUE INDEX "queues_number_of_day_key" ON "queues" USING btree ("service_day","clinic_code","queue_number");--> statement-breakpoint
CREATE INDEX "queues_head_of_line_idx" ON "queues" USING btree ("clinic_code","service_day","priority" DESC NULLS FIRST,"queue_number") WHERE status = 'WAITING';--> statement-breakpoint
CREATE INDEX "queues_patient_day_idx" ON "queues" USING btree ("patient_id","service_day");--> statement-breakpoint
CREATE UNIQUE INDEX "rate_limits_window_key" ON "rate_limits" USING btree ("client_id","endpoint","window_start");--> statement-breakpoint
CREATE INDEX "rate_limits_window_start_idx" ON "rate_limits" USING btree ("window_start");--> statement-breakpoint
CREATE UNIQUE INDEX "reports_type_date_key" ON "reports" USING btree ("report_type","report_date");--> statement-breakpoint
CREATE UNIQUE INDEX "routes_route_id_key" ON "routes" USING btree ("route_id");--> statement-breakpoint
CREATE UNIQUE INDEX "routes_patient_day_key" ON "routes" USING btree ("patient_id","service_day") WHERE status <> 'cancelled';--> statement-breakpoint
CREATE UNIQUE INDEX "settings_key_key" ON "settings" USING btree ("key");