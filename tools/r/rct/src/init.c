/* The table of functions that R calls. */

#include <R_ext/Rdynload.h>
#include <R_ext/Visibility.h>

#include "calls.h"

#define CALL(name, arguments) \
  { #name, (DL_FUNC)&call_##name, arguments }

static const R_CallMethodDef kCalls[] = {
    CALL(build, 4),          CALL(rebuild, 3),       CALL(append, 3),
    CALL(describe, 1),       CALL(save, 3),          CALL(load, 4),
    CALL(search, 5),         CALL(search_points, 5), CALL(graph, 5),
    CALL(range, 5),          CALL(range_points, 5),  CALL(order, 3),
    CALL(lon_lat, 1),        CALL(model, 5),         CALL(describe_model, 1),
    CALL(log_likelihood, 2), CALL(solve, 2),         CALL(predict, 4),
    CALL(version, 0),        {NULL, NULL, 0}};

void attribute_visible R_init_rct(DllInfo *library) {
  R_registerRoutines(library, NULL, kCalls, NULL, NULL);
  R_useDynamicSymbols(library, FALSE);
  R_forceSymbols(library, TRUE);
}
