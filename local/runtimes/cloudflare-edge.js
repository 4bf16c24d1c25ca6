// Runs in workerd, before the Worker: Cloudflare's edge takes a body in, whether or not the Worker reads it. workerd alone
// resets the connection of a client that is still sending when the answer is complete.
export default {
  async fetch(request, { WORKER }) {
    if (request.body === null) return WORKER.fetch(request);
    return WORKER.fetch(new Request(request, { body: await request.arrayBuffer() }));
  },
};
