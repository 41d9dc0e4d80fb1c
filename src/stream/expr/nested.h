// Steps into values of type JSON (window, _headers, columns of tables): field or element, as text.
#pragma once

#include <span>

#include "stream/expr/expression.h"

namespace penstock::stream {

/// args: the JSON text, and a constant key or index. Missing or null: null. STRING results are the scalar's
/// text.
void json_field_kernel(Evaluation& evaluation, const Expression& call, std::span<const Vector> args,
                       Column& out);

/// {"start":"...","end":"..."} of two timestamps: the value of `window` itself.
void window_struct_kernel(Evaluation& evaluation, const Expression& call, std::span<const Vector> args,
                          Column& out);

}  // namespace penstock::stream
