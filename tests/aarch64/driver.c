/* Does jobs of the compiled kernels that come by standard input, and answers with the buffers: see remote.py.
 *
 * A job is numbers of 8 bytes: which function (0 to 3), whether it is double, how many fields the job has; then of
 * every field whether it is a pointer and its value, or the buffer's bytes (−1: absent) and the buffer.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct scan;
struct gate;
int dmn_scan_forward(struct scan *, int), dmn_scan_backward(struct scan *, int);
int dmn_gate_forward(struct gate *, int), dmn_gate_backward(struct gate *, int);

static int64_t next(void) {
    int64_t number;
    if (fread(&number, sizeof number, 1, stdin) != 1) exit(0);
    return number;
}

int main(void) {
    for (;;) {
        int64_t fields[64], bytes[64], function = next(), wide = next(), count = next();
        for (int64_t i = 0; i < count; i++) {
            int64_t pointer = next(), value = next();
            bytes[i] = pointer ? value : -1;
            fields[i] = pointer ? 0 : value;
            if (bytes[i] < 0) continue;
            void *buffer = malloc(bytes[i] + 64);
            if (!buffer || fread(buffer, 1, bytes[i], stdin) != (size_t)bytes[i]) return 1;
            fields[i] = (int64_t)buffer;
        }
        void *job = fields;
        int64_t status = function == 0   ? dmn_scan_forward(job, wide)
                         : function == 1 ? dmn_scan_backward(job, wide)
                         : function == 2 ? dmn_gate_forward(job, wide)
                                         : dmn_gate_backward(job, wide);
        fwrite(&status, sizeof status, 1, stdout);
        for (int64_t i = 0; i < count; i++) {
            if (bytes[i] < 0) continue;
            fwrite((void *)fields[i], 1, bytes[i], stdout);
            free((void *)fields[i]);
        }
        fflush(stdout);
    }
}
