// What pickle and copy need of an index: __getstate__(), __setstate__(),
// __reduce__(), __copy__() and __deepcopy__().
//
// The state is a pair: the contents of the file that save() would write, bytes,
// and the attributes that an object of a subclass has, a dict or None. So a
// pickle holds all of the index, also of one whose arrays lie in a mapped file,
// has its digest, and gives the same bits with every protocol. It is opened
// with the checks of a file; a damaged one is a ValueError. Unpickling trusts
// the pickle, as always, but for these bytes. Beyond 4 GiB, bytes need protocol
// 4, which is pickle's default. As a file does, the bytes hold tables that
// calls have made (kept_bytes() of ResidualIndex): after such calls they are
// others, with the same answers.
//
// pickle asks for them at once: while it runs, there are the index, its bytes
// twice, and what pickle copies.
//
// Indexes are immutable. A copy is the same object, and that of an object of a
// subclass, which may have attributes that change, a new one that shares the
// index: for that, __setstate__() takes an index in place of bytes.

#ifndef RCT_TOOLS_PYTHON_STATE_H_
#define RCT_TOOLS_PYTHON_STATE_H_

#include "index/euclidean_index.h"
#include "index/residual_index.h"
#include "tools/python/index_caster.h"

namespace rct {

// Add the methods to a class.
void BindState(IndexClass<ResidualIndex>& index);
void BindState(IndexClass<EuclideanIndex>& index);

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_STATE_H_
