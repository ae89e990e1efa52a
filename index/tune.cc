#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>
#include "base/point_sets.h"
#include "index/euclidean_index.h"
using namespace rct;
double now(){return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();}
int main(int argc,char**argv){
  // d set n strategy leaf base order heur
  int d=atoi(argv[1]); int64_t n=atol(argv[2]);
  auto P=MakePointSet(argv[3][0]=='n'?PointSet::kNormal:PointSet::kUniformCube,n,d,42);
  std::vector<int64_t> rows(n); std::iota(rows.begin(),rows.end(),0);
  for(int a=4;a<argc;++a){
    char s[20],o[20]; int leaf; double base; int co=0; int db=0;
    sscanf(argv[a],"%[a-z],%d,%lf,%[a-z],%d,%d",s,&leaf,&base,o,&co,&db);
    EuclideanIndexOptions op; op.set_threads(2);
    if(s[0]!='d'){
    op.set_strategy(s[0]=='l'?LEVEL_SYNCHRONOUS:s[0]=='b'?BEST_FIRST:EXHAUSTIVE);
    if(s[0]!='e'){op.mutable_tree()->set_leaf_size(leaf);op.mutable_tree()->set_base(base);op.mutable_tree()->set_node_order(o[0]=='h'?CoverTreeConfig::HILBERT:o[0]=='n'?CoverTreeConfig::NATURAL:CoverTreeConfig::BREADTH_FIRST);
    if(co)op.mutable_heuristics()->mutable_child_order();
    if(db)op.mutable_heuristics()->mutable_dynamic_block()->add_block(db);}
    }
    double t0=now(); auto ix=EuclideanIndex::Build(P.view(),op);
    if(!ix.ok()){printf("%s\n",std::string(ix.status().message()).c_str());continue;}
    double t1=now(); auto r=ix->Search(rows,{.k=10,.threads=2}); double t2=now();
    auto r2=ix->SearchPoints(P.view(),{.k=10,.threads=2}); double t3=now();
    printf("%-28s build %.3f search %.3f points %.3f evals/q %.0f exp %.1f\n",argv[a],t1-t0,t2-t1,t3-t2,double(r->counters.distance_evaluations())/n,double(r->counters.segments_expanded())/n);fflush(stdout);
  }
}
